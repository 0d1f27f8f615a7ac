// Server and client connections over real sockets, on one shard and on several.

#include <gtest/gtest.h>

#include "base/log.h"
#include "rpc/client_connection.h"
#include "rpc/response_frame.h"
#include "rpc/server.h"
#include "runtime/cross_shard.h"
#include "runtime/linux/world.h"
#include "wire/messages/api_versions.h"
#include "wire/messages/produce.h"

namespace partita::rpc {
namespace {

/// Answers Produce with the sum of its record bytes as base offset.
class SummingBroker final : public RequestHandler {
 public:
  Result<Overlap> admit(wire::ApiKey, int16_t) const override { return Overlap::with_others; }

  Task<Response> handle(Request request) override {
    if (request.api_key == wire::ApiKey::api_versions) {
      wire::ApiVersionsResponse response;
      for (const int16_t key : {0, 18}) {
        response.api_keys.push_back({.api_key = key, .min_version = 3, .max_version = 9});
      }
      co_return reply(request, response);
    }
    const auto produce = wire::ProduceRequestView::decode(request.body, request.version);
    if (!produce) co_return Response::closing(describe(produce.error()));
    int64_t sum = 0;
    wire::ProduceResponse response;
    for (const auto& topic : produce->topic_data) {
      for (const auto& partition : topic.partition_data) {
        for (const uint8_t byte : partition.records.value_or(ByteView())) sum += byte;
      }
    }
    response.responses.push_back(
        {.name = "t", .partition_responses = {{.index = 0, .base_offset = sum}}});
    co_return reply(request, response);
  }
};

wire::ProduceRequest produce_of(size_t size, uint8_t fill, int64_t& sum) {
  Buffer records(size);
  records.resize(size);
  std::memset(records.data(), fill, size);
  sum = static_cast<int64_t>(size) * fill;
  wire::ProduceRequest request;
  request.acks = 1;
  request.topic_data.push_back({.name = "t", .partition_data = {{.index = 0}}});
  request.topic_data[0].partition_data[0].records = ByteChain{std::move(records).freeze()};
  return request;
}

Task<void> produce_once(Scope& scope, ClientConnection& connection, size_t size, uint8_t fill,
                        int& good) {
  int64_t expected = 0;
  const auto request = produce_of(size, fill, expected);
  const auto body = co_await connection.call(scope, request, 9, scope.shard().now() + 60s);
  EXPECT_TRUE(body) << describe(body.error());
  if (!body) co_return;
  const auto view = wire::ProduceResponseView::decode(body->view(), 9);
  EXPECT_TRUE(view);
  if (view && view->responses.front().partition_responses.front().base_offset == expected) good++;
}

Task<Result<int>> produce_many(Shard& shard, Endpoint to, int count) {
  Scope scope(shard);
  CO_TRY(auto connection,
         co_await ClientConnection::connect(scope, to.address, to.port, {}, shard.now() + 30s));
  int good = 0;
  constexpr size_t kSizes[] = {100, 5'000, 70'000, 1'000'000, 1'100'000, 3'000'000};
  for (int i = 0; i < count; i++) {
    scope.spawn(produce_once(scope, *connection, kSizes[i % 6] + static_cast<size_t>(i),
                             static_cast<uint8_t>(i), good));
  }
  co_await scope.join();
  co_await connection->close();
  co_return good;
}

TEST(Loopback, ProducesOfAllSizesAreAnswered) {
  LinuxWorld world;
  SummingBroker broker;
  const auto good = world.run([](Shard& shard, SummingBroker& broker) -> Task<Result<int>> {
    Server server(shard, {}, broker, Log(null_log_sink(), "rpc"));
    CO_TRY(const Endpoint at, server.listen("PLAINTEXT", {"127.0.0.1", 0}));
    auto answered = co_await produce_many(shard, at, 120);
    co_await server.stop(shard.now() + 5s);
    co_return answered;
  }(world.shard(0), broker));
  ASSERT_TRUE(good) << describe(good.error());
  EXPECT_EQ(*good, 120);
}

/// A server of its own on each shard, all on one port.
struct OnShard {
  OnShard(Shard& shard, RequestHandler& broker)
      : scope(shard), server(shard, {}, broker, Log(null_log_sink(), "rpc")) {}
  Scope scope;
  Server server;
};

Task<Result<int>> serve_on_all(LinuxWorld& world, std::vector<std::unique_ptr<OnShard>>& shards) {
  Shard& here = world.shard(0);
  Endpoint at{"127.0.0.1", 0};
  for (auto& each : shards) {
    CO_TRY(at, co_await call_on(here, each->scope, [&each, at] {
             return [](OnShard& on, Endpoint where) -> Task<Result<Endpoint>> {
               co_return on.server.listen("PLAINTEXT", where, true);
             }(*each, at);
           }));
  }
  Scope clients(here);
  int good = 0;
  for (int i = 0; i < 8; i++) {
    clients.spawn([](Shard& here, Endpoint at, int& good) -> Task<void> {
      const auto answered = co_await produce_many(here, at, 12);
      EXPECT_TRUE(answered) << describe(answered.error());
      good += answered.value_or(0);
    }(here, at, good));
  }
  co_await clients.join();
  for (auto& each : shards) {
    co_await call_on(here, each->scope, [&each] {
      return [](OnShard& on) -> Task<bool> {
        co_await on.server.stop(on.scope.shard().now() + 5s);
        co_return true;
      }(*each);
    });
  }
  co_return good;
}

TEST(Loopback, ShardsShareAPort) {
  LinuxWorld world({.shards = 2});
  SummingBroker broker;
  std::vector<std::unique_ptr<OnShard>> shards;
  for (size_t i = 0; i < 2; i++)
    shards.push_back(std::make_unique<OnShard>(world.shard(i), broker));
  const auto good = world.run(serve_on_all(world, shards));
  ASSERT_TRUE(good) << describe(good.error());
  EXPECT_EQ(*good, 96);
}

}  // namespace
}  // namespace partita::rpc
