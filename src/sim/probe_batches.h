#pragma once
// What probes send: small record batches, sound ones and such that lie, and the requests around
// them.

#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "wire/messages/fetch.h"
#include "wire/messages/produce.h"

namespace partita::sim {

inline constexpr const char* kProbeTopic = "probe";
// The newest that name topics by their names.
inline constexpr int16_t kProduceVersion = 9;
inline constexpr int16_t kFetchVersion = 12;
inline constexpr int16_t kListOffsetsVersion = 7;

struct NewBatch {
  int64_t producer_id = -1;
  int16_t epoch = 0;
  int32_t sequence = 0;
  WallTime timestamp;
  std::optional<WallTime> lied_max_timestamp = {};
};

/// One record.
Bytes make_batch(const NewBatch& batch);
/// Two records, whose offset deltas are 0 and 2.
Bytes make_gap_batch(const NewBatch& batch);
/// The same with one bit of its record wrong.
Bytes with_flipped_bit(const Bytes& batch);

wire::ProduceRequest produce_request(Bytes batch, int32_t partition = 0);
struct ProduceAnswer {
  int16_t code = 0;
  Offset offset = kNoOffset;
};
/// An Error for codes that pass: the partition is not ready, or a disk is in trouble.
Result<ProduceAnswer> read_produce_answer(ByteView body);

/// Asks for partitions from their beginning, without patience.
wire::FetchRequest fetch_request(int32_t session, int32_t epoch, std::vector<int32_t> partitions,
                                 std::vector<int32_t> forgotten);

}  // namespace partita::sim
