#include "replication/marker_batch.h"

#include "records/batch_builder.h"
#include "records/control.h"

namespace partita::replication {

Result<Bytes> build_marker(const storage::EndTxnMarker& marker, WallTime now) {
  records::BatchBuilder builder({.producer_id = marker.producer_id,
                                 .producer_epoch = marker.producer_epoch,
                                 .transactional = true,
                                 .control = true});
  const auto key = records::encode_control_key(marker.is_commit ? records::ControlType::commit
                                                                : records::ControlType::abort);
  const auto value = records::encode_end_txn_marker(marker.coordinator_epoch);
  builder.append_control(key, value, now);
  return builder.build();
}

}  // namespace partita::replication
