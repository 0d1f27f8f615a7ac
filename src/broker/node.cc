#include "broker/node.h"

#include "base/check.h"
#include "broker/static_voters.h"
#include "controller/format.h"

namespace partita::broker {
namespace {

constexpr int32_t kFirstNodeId = 1;
constexpr Duration kFailureCheckInterval = 1s;
constexpr const char* kControllerListener = "CONTROLLER";

controller::ControllerOptions controller_options(const Settings& settings,
                                                 const std::string& cluster_id) {
  controller::ControllerOptions options;
  options.settings.cluster_id = cluster_id;
  options.settings.self = NodeId(settings.node_id);
  options.settings.default_partitions = settings.num_partitions;
  options.settings.default_replication_factor =
      static_cast<int16_t>(settings.default_replication_factor);
  options.settings.partitions_max = settings.partitions_max;
  options.settings.delete_topics = settings.delete_topics;
  options.settings.broker_session_timeout = settings.broker_session_timeout;
  options.settings.static_broker_configs = settings.static_configs;
  return options;
}

std::optional<storage::FoundPartition> take_metadata_log(
    std::vector<storage::FoundPartition>& found) {
  for (auto at = found.begin(); at != found.end(); ++at) {
    if (at->name.topic != raft::kMetadataTopic) continue;
    storage::FoundPartition log = std::move(*at);
    found.erase(at);
    return log;
  }
  return std::nullopt;
}

}  // namespace

Node::Node(std::vector<Shard*> shards, Settings& settings, std::string host_name, Log log)
    : shards_(std::move(shards)),
      settings_(settings),
      host_name_(std::move(host_name)),
      log_(log),
      scope_(*shards_.front()) {}

Node::~Node() = default;

Task<Result<>> Node::start() {
  CO_CHECKED(co_await start_directory());
  CO_CHECKED(co_await start_quorum());
  co_return co_await start_broker();
}

Task<Result<>> Node::start_directory() {
  CO_TRY(directory_, co_await storage::LogDirectory::open(scope_, {.path = settings_.log_dir},
                                                          log_.in("storage")));
  if (!directory_->meta_properties()) CO_CHECKED(co_await format());
  const storage::MetaProperties& properties = *directory_->meta_properties();
  node_id_ = properties.node_id.value_or(NodeId(kFirstNodeId));
  if (settings_.node_id >= 0 && NodeId(settings_.node_id) != node_id_) {
    co_return fail(Errc::invalid_argument,
                   fmt::format("node.id is {}, but {} belongs to node {}", settings_.node_id,
                               settings_.log_dir, node_id_.value()));
  }
  if (!settings_.cluster_id.empty() && settings_.cluster_id != properties.cluster_id) {
    co_return fail(Errc::invalid_argument,
                   fmt::format("cluster.id is {}, but {} belongs to cluster {}",
                               settings_.cluster_id, settings_.log_dir, properties.cluster_id));
  }
  if (!properties.directory_id) {
    co_return fail(Errc::invalid_argument,
                   settings_.log_dir + " has no directory.id in its meta.properties");
  }
  settings_.node_id = node_id_.value();
  cluster_id_ = properties.cluster_id;
  directory_id_ = *properties.directory_id;
  co_return Result<>();
}

Task<Result<>> Node::format() {
  Shard& shard = *shards_.front();
  storage::MetaProperties properties;
  properties.node_id = NodeId(settings_.node_id >= 0 ? settings_.node_id : kFirstNodeId);
  properties.cluster_id =
      settings_.cluster_id.empty() ? shard.random().uuid().to_string() : settings_.cluster_id;
  properties.directory_id = shard.random().uuid();
  const ListenerAddress& first = settings_.listeners.front();
  raft::Voter voter{.key = {*properties.node_id, *properties.directory_id}};
  voter.endpoints.push_back({.listener = kControllerListener,
                             .host = first.host.empty() ? host_name_ : first.host,
                             .port = first.port});
  CO_CHECKED(co_await controller::format_directory(
      shard.executor(), shard.disk(), {.directory = settings_.log_dir, .voters = {voter}},
      shard.clock().wall()));
  log_.info("formatted {} for cluster {}", settings_.log_dir, properties.cluster_id);
  co_return co_await directory_->write_meta_properties(std::move(properties));
}

Task<Result<>> Node::start_quorum() {
  found_ = directory_->take_found();
  CO_TRY(raft::VoterSet voters, static_voters(settings_));
  CO_TRY(raft_, co_await raft::RaftNode::open(scope_, *directory_, take_metadata_log(found_),
                                              {.self = {node_id_, directory_id_},
                                               .cluster_id = cluster_id_,
                                               .static_voters = std::move(voters)},
                                              log_.in("raft")));
  controller::ControllerOptions options = controller_options(settings_, cluster_id_);
  Shard& shard = *shards_.front();
  CO_TRY(options.settings.bootstrap,
         co_await controller::read_bootstrap(shard.executor(), shard.disk(), settings_.log_dir));
  controller_ = std::make_unique<controller::Controller>(scope_, *raft_, std::move(options),
                                                         log_.in("controller"));
  channel_ = std::make_unique<controller::LocalChannel>(*controller_);
  co_return co_await controller_->start();
}

Task<Result<>> Node::start_broker() {
  broker_ = std::make_unique<Broker>(shards_, settings_,
                                     BrokerOptions{.node = node_id_,
                                                   .cluster_id = cluster_id_,
                                                   .directory_id = directory_id_,
                                                   .host_name = host_name_},
                                     *directory_, *channel_, log_.in("broker"));
  co_return co_await broker_->start(std::move(found_));
}

Task<Result<>> Node::stop(Deadline deadline) {
  const BrokerEpoch epoch = broker_->epoch();
  Result<> stopped = co_await broker_->stop(deadline);
  const Result<> closed = co_await raft_->close();
  if (stopped && !closed) stopped = closed;
  // Only what was closed cleanly everywhere may be found clean.
  if (stopped) stopped = co_await directory_->close_cleanly(epoch);
  co_await end();
  co_return stopped;
}

Task<Error> Node::failed(Scope& scope) {
  while (true) {
    if (broker_->failure()) co_return *broker_->failure();
    if (controller_->failure()) co_return *controller_->failure();
    if (const auto& offline = directory_->failure()) {
      co_return Error{.code = Errc::kafka_storage_error,
                      .detail = settings_.log_dir + " is offline: " + describe(*offline)};
    }
    if (const Result<> slept = co_await sleep_for(scope, kFailureCheckInterval); !slept) {
      co_return slept.error();
    }
  }
}

Task<void> Node::abandon() {
  if (broker_) co_await broker_->abandon();
  co_await end();
}

Task<void> Node::end() {
  scope_.close();
  if (broker_) co_await broker_->end();
  co_await scope_.join();
  broker_.reset();
  channel_.reset();
  controller_.reset();
  raft_.reset();
  directory_.reset();
}

}  // namespace partita::broker
