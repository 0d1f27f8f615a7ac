#pragma once
// MetadataObserver: follows the metadata log by the controller's Fetch, as any broker does wherever
// the controller runs, and makes images of what is committed. One per broker, on one shard.
//
// Invariants:
//  1. Images are published in the order of the log, each once, and the next only when the one
//     before has been taken by every shard.
//  2. Records that make no sense stop the observer with an Error: they are never skipped.

#include <memory>

#include "base/log.h"
#include "metadata/controller_channel.h"
#include "metadata/delta.h"
#include "metadata/log_replay.h"
#include "runtime/scope.h"
#include "runtime/shard.h"
#include "wire/messages/fetch.h"
#include "wire/messages/fetch_snapshot.h"

namespace partita::broker {

class ImageListener {
 public:
  virtual ~ImageListener() = default;
  /// Returns when every shard goes by the image.
  virtual Task<void> image_changed(std::shared_ptr<const metadata::Image> image,
                                   const metadata::Changes& changes) = 0;
};

class MetadataObserver {
 public:
  MetadataObserver(Scope& scope, metadata::ControllerChannel& channel, ImageListener& listener,
                   NodeId self, Log log);

  /// Follows until the scope closes (stopped) or the log makes no sense.
  Task<Result<>> follow();
  /// Everything below is in the published image.
  Offset published_end() const { return published_end_; }
  /// Answers when published_end() has reached `end`.
  Task<Result<>> wait_until(Offset end, Deadline deadline);

 private:
  Task<Result<>> fetch_once();
  Task<Result<>> load_snapshot(Offset end_offset, LeaderEpoch epoch);
  Result<> add_records(const wire::FetchResponse::PartitionData& partition);
  Task<Result<>> publish();

  Scope& scope_;
  metadata::ControllerChannel& channel_;
  ImageListener& listener_;
  const NodeId self_;
  Log log_;
  metadata::LogReplay replay_;
  LeaderEpoch last_epoch_{0};
  Offset published_end_;
  WaitQueue published_;
};

}  // namespace partita::broker
