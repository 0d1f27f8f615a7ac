#pragma once
// Lifecycle: this broker's registration with the controller and its heartbeats: fenced until it has
// caught up, then serving, then out of service in an orderly way. One per broker, on one shard.
//
//   state        means                                            next
//   registering  asks for a broker epoch                          fenced
//   fenced       registered; the image is not yet caught up       serving
//   serving      clients are told of it                           leaving, fenced
//   leaving      asks to be let go, leaderships move away         gone
//   gone         the controller has let it go                     -

#include <vector>

#include "base/log.h"
#include "broker/metadata_observer.h"
#include "broker/settings.h"
#include "metadata/controller_channel.h"
#include "wire/messages/broker_registration.h"

namespace partita::broker {

struct Registration {
  NodeId node;
  std::string cluster_id;
  Uuid incarnation;
  DirectoryId directory;
  BrokerEpoch previous_epoch{-1};  ///< of a clean stop before
  std::vector<ListenerAddress> advertised;
  std::vector<wire::BrokerRegistrationRequest::Feature> features;
  std::string rack;
};

class Lifecycle {
 public:
  Lifecycle(Scope& scope, metadata::ControllerChannel& channel, MetadataObserver& observer,
            const Settings& settings, Log log);

  /// Registers and waits until the broker is unfenced: the image then shows it in service.
  Task<Result<>> start(Registration registration);
  /// Heartbeats until the scope closes.
  Task<void> keep_alive();
  /// Asks to be let go; answers when the controller agrees or the deadline has passed.
  Task<void> leave(Deadline deadline);

  BrokerEpoch epoch() const { return epoch_; }

 private:
  Task<Result<>> register_once(const Registration& registration);
  struct Beat {
    bool fenced = true;
    bool may_stop = false;
  };
  Task<Result<Beat>> beat(bool want_shut_down);

  Scope& scope_;
  metadata::ControllerChannel& channel_;
  MetadataObserver& observer_;
  const Settings& settings_;
  Log log_;
  NodeId node_;
  BrokerEpoch epoch_{-1};
  bool leaving_ = false;
};

}  // namespace partita::broker
