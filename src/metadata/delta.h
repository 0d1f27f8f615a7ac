#pragma once
// Delta: records on their way from one Image to the next. Belongs to whoever replays (the loader of
// a node, the controller); not shared between threads.
//
// Invariants:
//  1. The base image is never changed, and lives at least as long as the Delta.
//  2. replay() of a record that makes no sense (an unknown kind or version, a partition of a topic
//     that is not there) answers an Error and leaves the Delta unusable: its owner stops, it never
//     skips (semantics 3.4).
//  3. Only what changed is copied: a topic when one of its partitions changes, a broker, a
//     resource's configs.

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/error.h"
#include "metadata/image.h"
#include "metadata/record.h"

namespace partita::metadata {

/// What a Delta did to one topic.
struct TopicChange {
  std::shared_ptr<const TopicImage> before;  ///< nullptr: the topic is new
  std::shared_ptr<const TopicImage> after;   ///< nullptr: the topic was deleted
  std::vector<PartitionIndex> partitions;    ///< created or changed; ascending, each once
};

/// What differs between two images. A topic that was deleted and made again appears under both ids.
struct Changes {
  std::map<TopicId, TopicChange> topics;
  std::set<ConfigResource> configs;  ///< resources with a changed, new or removed config
  std::set<NodeId> brokers;          ///< registered, changed or unregistered
  bool features = false;
  bool producer_ids = false;
  std::set<int16_t> opaque;    ///< record kinds of invariant 4 of image.h
  bool from_snapshot = false;  ///< the image replaces the one before, whatever that held

  bool empty() const;
};

class Delta {
 public:
  explicit Delta(std::shared_ptr<const Image> base);
  ~Delta();
  Delta(Delta&&) noexcept;
  Delta& operator=(Delta&&) noexcept;

  const Image& base() const { return *base_; }
  const std::shared_ptr<const Image>& base_image() const { return base_; }
  /// Starts from nothing instead of the base: what follows is a whole snapshot. REQUIRED: nothing
  /// was replayed.
  void start_snapshot();
  /// Transactions are the caller's: Begin, End and AbortTransaction are refused here.
  Result<> replay(const Record& record);
  /// The same from a record's frame. Kinds that are kept opaque keep these very bytes.
  Result<> replay(ByteView frame);
  bool empty() const;

  struct Finished {
    std::shared_ptr<const Image> image;
    Changes changes;
  };
  /// The image behind the records replayed. Errc::corrupt_data where the records leave a topic with
  /// a gap in its partitions. The Delta is used up.
  Result<Finished> finish(Offset end_offset, LeaderEpoch epoch, int64_t last_timestamp_ms) &&;

 private:
  class Working;
  std::shared_ptr<const Image> base_;
  std::unique_ptr<Working> working_;
};

}  // namespace partita::metadata
