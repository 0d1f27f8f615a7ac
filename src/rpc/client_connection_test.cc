#include "rpc/client_connection.h"

#include <gtest/gtest.h>

#include "base/fault_points.h"
#include "rpc/response_frame.h"
#include "rpc/server_test.h"
#include "wire/error_code.h"
#include "wire/messages/metadata.h"

namespace partita::rpc {
namespace {

/// A broker that knows ApiVersions up to a version and answers Metadata with its cluster id after a
/// while.
class SmallBroker final : public RequestHandler {
 public:
  Result<Overlap> admit(wire::ApiKey, int16_t) const override { return Overlap::with_others; }

  Task<Response> handle(Request request) override {
    versions_asked.push_back(request.version);
    if (request.api_key == wire::ApiKey::api_versions) co_return versions(request);
    asked++;
    const auto asked_for = wire::MetadataRequestView::decode(request.body, request.version);
    CHECK(asked_for.has_value());
    const Duration delay = delays.empty() ? 0ms : delays[(asked - 1) % delays.size()];
    if (delay > 0ms && !co_await sleep_for(*request.scope, delay))
      co_return Response::closing("stopped");
    wire::MetadataResponse response;
    response.cluster_id = "answer " + std::to_string(request.correlation_id);
    if (lies) request.correlation_id += 1;
    co_return reply(request, response);
  }

  int16_t api_versions_max = 4;
  size_t asked = 0;
  bool lies = false;
  std::vector<Duration> delays;
  std::vector<int16_t> versions_asked;

 private:
  Response versions(Request& request) {
    wire::ApiVersionsResponse response;
    response.api_keys.push_back({.api_key = 18, .min_version = 0, .max_version = api_versions_max});
    if (request.version > api_versions_max) {
      response.error_code = wire::error_code(Errc::unsupported_version);
      request.version = 0;
      return reply(request, response);
    }
    response.api_keys.push_back({.api_key = 3, .min_version = 2, .max_version = 9});
    response.api_keys.push_back({.api_key = 0, .min_version = 90, .max_version = 99});
    return reply(request, response);
  }
};

class ClientConnectionTest : public ServerTest {
 protected:
  ClientConnectionTest() : scope_(there()) {}
  ~ClientConnectionTest() override {
    if (connection_) world_.run(there(), connection_->close());
    scope_.close();
    world_.run(there(), scope_.join());
    if (small_) world_.run(here(), small_->stop(here().now()));
  }

  Result<> open(Duration limit = 10s) {
    if (!small_) {
      small_ = std::make_unique<Server>(here(), ServerSettings{}, broker_, Log(sink_, "rpc"));
      CHECK(small_->listen("PLAINTEXT", {"0.0.0.0", 9092}).has_value());
    }
    auto opened = world_.run(there(), ClientConnection::connect(scope_, server_node_.address(),
                                                                9092, {}, there().now() + limit));
    if (!opened) return std::unexpected(opened.error());
    connection_ = *std::move(opened);
    return {};
  }
  static Task<void> ask(Scope& scope, ClientConnection& connection, Duration limit,
                        Result<std::string>& answer) {
    const Result<int16_t> version = connection.version_of(wire::MetadataRequest::descriptor());
    CHECK(version.has_value());
    const Result<Bytes> body = co_await connection.call(scope, wire::MetadataRequest{}, *version,
                                                        scope.shard().now() + limit);
    if (!body) {
      answer = std::unexpected(body.error());
      co_return;
    }
    const auto view = wire::MetadataResponseView::decode(body->view(), *version);
    CHECK(view.has_value());
    answer = std::string(view->cluster_id.value_or(""));
  }
  /// Starts `count` questions at once and runs the world for a while.
  std::vector<Result<std::string>> ask_many(size_t count, Duration limit, Duration run) {
    std::vector<Result<std::string>> answers(count, "none yet");
    for (auto& answer : answers) scope_.spawn(ask(scope_, *connection_, limit, answer));
    world_.run_for(run);
    return answers;
  }

  SmallBroker broker_;
  std::unique_ptr<Server> small_;
  Scope scope_;
  std::unique_ptr<ClientConnection> connection_;
};

TEST_F(ClientConnectionTest, AgreesOnTheNewestOfBoth) {
  ASSERT_TRUE(open());
  EXPECT_EQ(connection_->version_of(wire::ApiKey::metadata, {0, 12}), int16_t{9});
  EXPECT_EQ(connection_->version_of(wire::ApiKey::metadata, {0, 5}), int16_t{5});
  EXPECT_EQ(connection_->version_of(wire::ApiKey::metadata, {0, 1}).error().code,
            Errc::unsupported_version);
  EXPECT_EQ(connection_->version_of(wire::ApiKey::produce, {0, 12}).error().code,
            Errc::unsupported_version);
  EXPECT_EQ(connection_->version_of(wire::ApiKey::fetch, {0, 12}).error().code,
            Errc::unsupported_version);
}

TEST_F(ClientConnectionTest, StepsDownWithAnOlderBroker) {
  for (const int16_t newest : {int16_t{0}, int16_t{2}}) {
    broker_.api_versions_max = newest;
    broker_.versions_asked.clear();
    ASSERT_TRUE(open());
    ASSERT_EQ(broker_.versions_asked.size(), 2u);
    EXPECT_EQ(broker_.versions_asked[1], newest);
    EXPECT_EQ(connection_->version_of(wire::ApiKey::metadata, {0, 12}), int16_t{9});
    world_.run(there(), connection_->close());
  }
}

TEST_F(ClientConnectionTest, PipelinesAndMatchesAnswers) {
  ASSERT_TRUE(open());
  broker_.delays = {200ms, 0ms, 100ms, 5ms};
  const Instant start = world_.now();
  const auto answers = ask_many(40, 60s, 2s);
  for (size_t i = 0; i < answers.size(); i++) {
    ASSERT_TRUE(answers[i]) << describe(answers[i].error());
    EXPECT_EQ(*answers[i], "answer " + std::to_string(i + 1));
  }
  EXPECT_EQ(connection_->calls_in_flight(), 0u);
  EXPECT_GE(world_.now() - start, 200ms);
}

TEST_F(ClientConnectionTest, ADeadlineEndsOneCallOnly) {
  ASSERT_TRUE(open());
  broker_.delays = {3s, 0ms};
  auto answers = ask_many(1, 1s, 2s);
  ASSERT_FALSE(answers[0]);
  EXPECT_EQ(answers[0].error().code, Errc::deadline_exceeded);
  answers = ask_many(1, 10s, 3s);
  ASSERT_TRUE(answers[0]);
  EXPECT_EQ(*answers[0], "answer 2");
}

TEST_F(ClientConnectionTest, TheEndOfTheConnectionEndsEveryCall) {
  ASSERT_TRUE(open());
  broker_.delays = {30s};
  std::vector<Result<std::string>> answers(5, "none yet");
  for (auto& answer : answers) scope_.spawn(ask(scope_, *connection_, 60s, answer));
  world_.run_for(1s);
  world_.net().reset(server_node_, peer_node_);
  world_.run_for(1s);
  for (const auto& answer : answers) {
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::connection_reset);
  }
  EXPECT_EQ(ask_many(1, 1s, 1ms)[0].error().code, Errc::connection_reset);
}

TEST_F(ClientConnectionTest, ClosingEndsCallsWithStopped) {
  ASSERT_TRUE(open());
  broker_.delays = {30s};
  Result<std::string> answer = "none yet";
  scope_.spawn(ask(scope_, *connection_, 60s, answer));
  world_.run_for(1s);
  world_.run(there(), connection_->close());
  world_.run_for(1ms);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::stopped);
}

TEST_F(ClientConnectionTest, AnAnswerToSomethingElseEndsTheConnection) {
  ASSERT_TRUE(open());
  broker_.lies = true;
  EXPECT_EQ(ask_many(1, 10s, 1s)[0].error().code, Errc::malformed);
#if PARTITA_FAULTS
  world_.run(there(), connection_->close());
  ASSERT_TRUE(open());
  faults::set_mutant("rpc.ignore_correlation_id");
  EXPECT_TRUE(ask_many(1, 10s, 1s)[0]) << "the mutant shows";
  faults::set_mutant("");
#endif
}

TEST_F(ClientConnectionTest, ConnectingEndsAtItsDeadline) {
  ASSERT_TRUE(open());
  world_.run(there(), connection_->close());
  world_.net().cut_both(server_node_, peer_node_);
  const Instant start = world_.now();
  const auto opened = open(3s);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::deadline_exceeded);
  EXPECT_LT(world_.now() - start, 5s);
  world_.net().heal_all();
}

TEST_F(ClientConnectionTest, NobodyListens) {
  const auto opened = world_.run(there(), ClientConnection::connect(scope_, server_node_.address(),
                                                                    9999, {}, there().now() + 10s));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::connection_reset);
}

}  // namespace
}  // namespace partita::rpc
