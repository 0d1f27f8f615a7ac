#include "runtime/sim/sim_net.h"

#include "runtime/sim/world.h"

namespace partita::runtime::sim {

SimNet::SimNet(SimWorld& world, const NetOptions& options, SimRandom random)
    : world_(world), options_(options), random_(random) {}
SimNet::~SimNet() = default;
void SimNet::set_host(std::string host, std::vector<std::string> addresses) {
  hosts_[std::move(host)] = std::move(addresses);
}
void SimNet::process_ended(SimNode&, bool) {}
Result<std::unique_ptr<Listener>> SimShardNet::listen(const Endpoint&, bool) {
  return fail(Errc::io_error, "the network is down");
}
void SimShardNet::start_connect(const Endpoint&,
                                Completion<Result<std::unique_ptr<Stream>>>& done) {
  done.complete(fail(Errc::connection_reset, "the network is down"));
}
void SimShardNet::start_resolve(std::string_view,
                                Completion<Result<std::vector<std::string>>>& done) {
  done.complete(fail(Errc::not_found, "the network is down"));
}

}  // namespace partita::runtime::sim
