#pragma once
// Log lines on a descriptor, standard output by default, in the form of Kafka's log4j pattern, in
// local time:
//     [2026-11-22 05:53:11,123] INFO the line (storage)
// Each line is one write, so that lines of several shards do not mix; what cannot be written is
// dropped.

#include "base/log.h"

namespace partita {

class StdoutLogSink final : public LogSink {
 public:
  /// Does not own the descriptor.
  explicit StdoutLogSink(int fd = 1) : fd_(fd) {}
  void write(LogLevel level, std::string_view folder, std::string_view line) override;

 private:
  const int fd_;
};

}  // namespace partita
