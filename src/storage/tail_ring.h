#pragma once
// TailRing: the recent batches of all logs of one shard in memory, so that readers near the end of
// a log touch no file. LogTail is one log's part of it: consecutive appends up to the log's end.
//
// Invariants:
//  1. The memory pinned by all entries (not the slices' sizes) stays at most bytes_max; the log
//     that was appended to least recently loses its oldest entries first.
//  2. A LogTail holds every batch from its first entry to its log's end, without a gap.
//  3. A batch that is a small part of what it pins is copied out.
// One per shard, owned by ShardLogs; a LogTail may not outlive its ring.

#include <boost/intrusive/list.hpp>  // links inside LogTail: the order of appends allocates nothing
#include <deque>
#include <memory>

#include "base/bytes.h"
#include "base/ids.h"

namespace partita::storage {

inline constexpr size_t kTailRingBytes = size_t{2} << 20;

/// One batch as it stands on disk: front (the part the log's owner wrote; may be empty) and rest.
struct TailBatch {
  Offset base_offset;
  Offset last_offset;
  Bytes front;
  Bytes rest;

  size_t size() const { return front.size() + rest.size(); }
};

class TailRing;

class LogTail {
 public:
  explicit LogTail(TailRing& ring) : ring_(ring) {}
  ~LogTail() { clear(); }
  LogTail(const LogTail&) = delete;

  /// A batch that was appended to the log: `front` replaces as many bytes at the start of
  /// `received`.
  void append(Offset base_offset, Offset last_offset, ByteView front, const Bytes& received);
  /// Whole batches from the one that holds `from`, all with last offset < upper_bound, at most
  /// bytes_max of them but one at least where `at_least_one` says so. False where `from` is not
  /// covered; `out` is appended to.
  struct Found {
    Offset first_offset;
    Offset next_offset;
    size_t bytes = 0;
  };
  bool read(Offset from, Offset upper_bound, size_t bytes_max, bool at_least_one, ByteChain& out,
            Found& found) const;
  /// Drops what reaches `offset` or beyond.
  void truncate_to(Offset offset);
  void clear();

 private:
  friend class TailRing;
  struct Entries {
    std::deque<TailBatch> batches;
  };
  void drop_oldest();

  TailRing& ring_;
  std::unique_ptr<Entries> entries_;  // nothing for a log that holds none
  boost::intrusive::list_member_hook<> link_;
};

class TailRing {
 public:
  explicit TailRing(size_t bytes_max = kTailRingBytes) : bytes_max_(bytes_max) {}
  ~TailRing();
  TailRing(const TailRing&) = delete;

  size_t bytes() const { return bytes_; }
  size_t bytes_max() const { return bytes_max_; }

 private:
  friend class LogTail;
  using Logs = boost::intrusive::list<
      LogTail, boost::intrusive::member_hook<LogTail, boost::intrusive::list_member_hook<>,
                                             &LogTail::link_>>;
  void charge(LogTail& log, size_t bytes);

  const size_t bytes_max_;
  size_t bytes_ = 0;
  Logs logs_;  // least recently appended first
};

}  // namespace partita::storage
