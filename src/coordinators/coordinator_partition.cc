#include "coordinators/coordinator_partition.h"

namespace partita::coordinators {

Error coordinator_error(const Error& error) {
  switch (error.code) {
    case Errc::stopped:
    case Errc::not_leader_or_follower:
    case Errc::kafka_storage_error: return Error{Errc::not_coordinator};
    case Errc::unknown_topic_or_partition:
    case Errc::not_enough_replicas:
    case Errc::not_enough_replicas_after_append:
    case Errc::deadline_exceeded:
    case Errc::request_timed_out: return Error{Errc::coordinator_not_available};
    case Errc::not_coordinator:
    case Errc::coordinator_not_available:
    case Errc::coordinator_load_in_progress: return error;
    default: return Error{Errc::unknown_server_error, error.detail};
  }
}

}  // namespace partita::coordinators
