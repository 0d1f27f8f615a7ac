#include "rpc/server_test.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/fault_points.h"
#include "rpc/frame_reader.h"

namespace partita::rpc {
namespace {

using Ids = std::vector<int32_t>;

TEST_F(ServerTest, ProduceAndFetchOverlapAndAnswersKeepOrder) {
  serve();
  auto peer = connect();
  const Instant start = world_.now();
  send(*peer, produce(1, 300) + fetch(2, 100) + produce(3, 0));
  EXPECT_EQ(responses(*peer, 3), (Ids{1, 2, 3}));
  EXPECT_EQ(handler_.running_most, 3u);
  EXPECT_LT(world_.now() - start, 390ms);
  using Event = ScriptedHandler::Event;
  const std::vector<Event> expected = {{'s', 1}, {'s', 2}, {'s', 3}, {'e', 3}, {'e', 2}, {'e', 1}};
  EXPECT_EQ(handler_.events, expected);
}

TEST_F(ServerTest, OtherRequestsRunAlone) {
  serve();
  auto peer = connect();
  send(*peer, produce(1, 50) + metadata(2, 10) + produce(3, 0) + metadata(4, 0));
  EXPECT_EQ(responses(*peer, 4), (Ids{1, 2, 3, 4}));
  using Event = ScriptedHandler::Event;
  const std::vector<Event> expected = {{'s', 1}, {'e', 1}, {'s', 2}, {'e', 2},
                                       {'s', 3}, {'e', 3}, {'s', 4}, {'e', 4}};
  EXPECT_EQ(handler_.events, expected);
}

TEST_F(ServerTest, RequestsWithoutAnAnswerTakeNoPlace) {
  serve();
  auto peer = connect();
  send(*peer, produce(1, 20, Action::nothing) + produce(2, 0) + produce(3, 0, Action::nothing) +
                  produce(4, 0));
  EXPECT_EQ(responses(*peer, 2), (Ids{2, 4}));
}

TEST_F(ServerTest, ARequestCanCloseTheConnection) {
  serve();
  auto peer = connect();
  send(*peer, produce(1, 20) + produce(2, 0, Action::close) + produce(3, 0));
  EXPECT_EQ(responses(*peer, 9), (Ids{1}));
  ASSERT_EQ(sink_.lines.size(), 1u);
  EXPECT_NE(sink_.lines[0].find("the request said so"), std::string::npos) << sink_.lines[0];
  const auto third = ScriptedHandler::Event{'s', 3};
  EXPECT_EQ(std::ranges::count(handler_.events, third), 0);
  expect_alive();
}

TEST_F(ServerTest, BytesThatAreNoRequestCloseWithOneLine) {
  struct Case {
    std::string_view name;
    std::string bytes;
    std::string_view words;
  };
  const std::string header8(8, '\0');
  const Case cases[] = {
      {"A1 size -1", "\xff\xff\xff\xff", "-1 bytes"},
      {"A1 size INT_MIN", std::string("\x80\0\0\0", 4), "-2147483648 bytes"},
      {"A2 size 0", std::string(4, '\0'), "0 bytes"},
      {"A3 too large", std::string("\x7f\0\0\0", 4), "2130706432 bytes"},
      {"A3 HTTP", "GET / HTTP/1.1\r\n\r\n", "HTTP"},
      {"A3 HTTP post", "POST / HTTP/1.1\r\n\r\n", "HTTP"},
      {"A3 TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9), "TLS"},
      {"A7 key 9999", request(static_cast<wire::ApiKey>(9999), 0, 5, "body"), "9999"},
      {"A7 key -1", request(static_cast<wire::ApiKey>(-1), 0, 5, "body"), "-1"},
      {"A8 version", request(wire::ApiKey::produce, 99, 5, "body"), "99"},
      {"A8 negative version", request(wire::ApiKey::produce, -1, 5, "body"), "-1"},
      {"A9 7 bytes", frame_of(header8.substr(0, 7)), "header"},
      {"A10 client id", frame_of(std::string("\0\0\0\3\0\0\0\5\x7f\xff", 10) + "abc"), "eader"},
      {"not served", request(wire::ApiKey::sasl_handshake, 0, 5, "body"), "SaslHandshake"},
  };
  serve();
  for (const Case& each : cases) {
    sink_.lines.clear();
    handler_.events.clear();
    auto peer = connect();
    send(*peer, produce(1, 10));
    EXPECT_EQ(responses(*peer, 1), (Ids{1})) << each.name;
    send(*peer, each.bytes + produce(2, 0));
    EXPECT_EQ(responses(*peer, 9), Ids{}) << each.name;
    ASSERT_EQ(sink_.lines.size(), 1u) << each.name;
    EXPECT_NE(sink_.lines[0].find(each.words), std::string::npos)
        << each.name << ": " << sink_.lines[0];
    EXPECT_EQ(handler_.events.size(), 2u) << each.name;
    expect_alive();
  }
}

TEST_F(ServerTest, AFrameCutByTheEndIsNotExecuted) {
  serve();
  auto peer = connect();
  const std::string whole = produce(1, 0);
  send(*peer, produce(7, 0) + whole.substr(0, whole.size() - 1));
  EXPECT_EQ(responses(*peer, 1), (Ids{7}));
  peer.reset();
  world_.run_for(5s);
  EXPECT_EQ(handler_.events.size(), 2u);
  EXPECT_EQ(server_->connection_count(), 0u);
  EXPECT_EQ(server_->memory_used(), 0u);
}

TEST_F(ServerTest, AHeaderHasTenSecondsAndABodyItsRate) {
  serve();
  auto slow = connect();
  send(*slow, std::string("\0\0\1", 3));
  EXPECT_FALSE(ends_within(*slow, 9s));
  EXPECT_TRUE(ends_within(*slow, 2s));

  auto dripping = connect();
  send(*dripping, std::string("\x06\0\0\0", 4) + produce(1, 0).substr(4, 14));
  for (int second = 0; second < 25; second++) {
    send(*dripping, "x");
    ASSERT_FALSE(ends_within(*dripping, 1s)) << second;
    EXPECT_LE(server_->memory_used(), 2 * FrameReader::kFirstBytes);
  }
  EXPECT_TRUE(ends_within(*dripping, 10s));

  auto steady = connect();
  const std::string large = produce(9, 0, Action::reply, 120'000);
  for (size_t from = 0; from < large.size(); from += 1200) {
    ASSERT_FALSE(ends_within(*steady, 1s)) << from;
    send(*steady, large.substr(from, 1200));
  }
  EXPECT_EQ(responses(*steady, 1), (Ids{9}));
  EXPECT_EQ(sink_.lines.size(), 2u);
}

TEST_F(ServerTest, IdleConnectionsAreClosedSilently) {
  serve({.idle_max = 60s});
  auto peer = connect();
  send(*peer, metadata(1, 0));
  EXPECT_EQ(responses(*peer, 1), (Ids{1}));
  EXPECT_EQ(server_->memory_used(), 0u);
  EXPECT_FALSE(ends_within(*peer, 59s));
  EXPECT_TRUE(ends_within(*peer, 2s));
  EXPECT_EQ(server_->metrics().connections_closed_idle, 1u);
  EXPECT_TRUE(sink_.lines.empty());
}

TEST_F(ServerTest, AConnectionWithARequestUnderWayIsNotIdle) {
  serve({.idle_max = 10s});
  auto peer = connect();
  send(*peer, metadata(1, 100'000));
  EXPECT_EQ(responses(*peer, 1), (Ids{1}));
}

/// Ten thousand requests of a peer that never reads: how many ran, and the most memory that was
/// held.
struct Flood {
  size_t executed = 0;
  size_t memory_most = 0;
  bool closed = false;
};

TEST_F(ServerTest, APeerThatDoesNotReadIsNotReadAndThenClosed) {
  constexpr size_t kBytesMax = 1 << 20;
  for (const char* name : {"", "rpc.unbounded_pipeline"}) {
#if PARTITA_FAULTS
    faults::set_mutant(name);
#endif
    handler_.events.clear();
    handler_.response_padding = 10'000;
    if (!server_)
      serve({.write_stall_max = 60s,
             .requests_in_flight_max = 100,
             .bytes_in_flight_max = kBytesMax});
    auto peer = connect();
    std::string all;
    for (int i = 0; i < 2'000; i++) all += metadata(i, 0);
    const ByteView bytes = as_bytes(all);
    size_t sent = 0;
    size_t memory_most = 0;
    for (int step = 0; step < 400; step++) {
      const ByteView rest = bytes.subspan(sent);
      if (const auto count =
              rest.empty() ? Result<size_t>(0) : peer->write_some(std::span(&rest, 1)))
        sent += *count;
      world_.run_for(20ms);
      memory_most = std::max(memory_most, server_->memory_used());
    }
    if (*name == '\0') {
      EXPECT_LE(memory_most, kBytesMax + 200'000);
      EXPECT_LT(handler_.events.size(), 1'000u);
      world_.run_for(60s);
      EXPECT_EQ(server_->connection_count(), 0u);
      ASSERT_EQ(sink_.lines.size(), 1u);
      EXPECT_NE(sink_.lines[0].find("does not read"), std::string::npos);
    } else {
      EXPECT_GT(memory_most, 2 * kBytesMax) << "the mutant shows";
    }
  }
#if PARTITA_FAULTS
  faults::set_mutant("");
#endif
}

TEST_F(ServerTest, MutantsOfOrderAreSeen) {
#if PARTITA_FAULTS
  serve();
  faults::set_mutant("rpc.response_order");
  auto peer = connect();
  send(*peer, produce(1, 300) + produce(2, 0));
  EXPECT_EQ(responses(*peer, 2), (Ids{2, 1}));
  faults::set_mutant("rpc.overlap_all");
  send(*peer, metadata(3, 300) + metadata(4, 0));
  EXPECT_EQ(responses(*peer, 2), (Ids{3, 4}));
  EXPECT_EQ(handler_.events.back(), (ScriptedHandler::Event{'e', 3})) << "4 ended before 3";
  faults::set_mutant("");
#endif
}

TEST_F(ServerTest, AShardsMemoryIsBounded) {
  serve({.memory_soft = 1 << 20, .memory_hard = 2 << 20});
  std::vector<std::unique_ptr<Stream>> peers;
  const std::string large = produce(1, 1000, Action::reply, 900'000);
  size_t memory_most = 0;
  for (int i = 0; i < 8; i++) peers.push_back(connect());
  std::vector<size_t> sent(peers.size());
  for (int step = 0; step < 500; step++) {
    for (size_t i = 0; i < peers.size(); i++) {
      const ByteView rest = as_bytes(large).subspan(sent[i]);
      if (rest.empty()) continue;
      if (const auto count = peers[i]->write_some(std::span(&rest, 1))) sent[i] += *count;
    }
    world_.run_for(5ms);
    memory_most = std::max(memory_most, server_->memory_used());
  }
  EXPECT_LE(memory_most, (2u << 20) + (1u << 20));
  EXPECT_GT(server_->metrics().connections_closed_for_cause, 0u);
  EXPECT_GT(server_->metrics().requests, 0u);
  expect_alive();
}

TEST_F(ServerTest, CountsOfConnectionsAreBounded) {
  serve({.connections_max = 2});
  auto first = connect();
  auto second = connect();
  world_.run_for(1s);
  auto third = connect();  // waits in the listener's queue
  send(*third, metadata(3, 0));
  world_.run_for(5s);
  EXPECT_EQ(server_->connection_count(), 2u);
  first.reset();
  EXPECT_EQ(responses(*third, 1), (Ids{3}));
}

TEST_F(ServerTest, CountsPerAddressAreBounded) {
  serve({.connections_per_ip_max = 2});
  auto first = connect();
  auto second = connect();
  auto third = connect();
  EXPECT_TRUE(ends_within(*third, 1s));
  EXPECT_EQ(server_->metrics().connections_refused, 1u);
  first.reset();
  world_.run_for(1s);
  expect_alive();
}

TEST_F(ServerTest, StopLetsRequestsEnd) {
  serve();
  auto peer = connect();
  send(*peer, produce(1, 500));
  world_.run_for(100ms);
  const Instant start = world_.now();
  world_.run(here(), server_->stop(here().now() + 10s));
  EXPECT_LT(world_.now() - start, 2s);
  EXPECT_EQ(responses(*peer, 9), (Ids{1}));
  server_.reset();
}

TEST_F(ServerTest, StopAnswersWhoWaitsForMore) {
  serve();
  auto peer = connect();
  send(*peer, produce(1, 0, Action::wait_for_more) + produce(2, 500));
  world_.run_for(100ms);
  const Instant start = world_.now();
  world_.run(here(), server_->stop(here().now() + 10s));
  EXPECT_LT(world_.now() - start, 2s);
  EXPECT_EQ(responses(*peer, 9), (Ids{1, 2}));
  server_.reset();
}

TEST_F(ServerTest, APeerThatLeavesEndsItsLongPolls) {
  serve();
  auto peer = connect();
  send(*peer, produce(1, 0, Action::wait_for_more));
  world_.run_for(1s);
  peer->close();
  world_.run_for(1s);
  EXPECT_EQ(server_->connection_count(), 0u);
  EXPECT_EQ(handler_.events.back(), (ScriptedHandler::Event{'x', 1}));
}

TEST_F(ServerTest, StopEndsWhatDoesNotEnd) {
  serve();
  auto peer = connect();
  send(*peer, produce(1, 0, Action::wait_for_ever) + produce(2, 0));
  world_.run_for(1s);
  const Instant start = world_.now();
  world_.run(here(), server_->stop(here().now() + 3s));
  EXPECT_LT(world_.now() - start, 4s);
  EXPECT_EQ(handler_.events.back(), (ScriptedHandler::Event{'x', 1}));
  EXPECT_EQ(responses(*peer, 9), Ids{});
  server_.reset();
}

TEST_F(ServerTest, AResetEndsItsRequests) {
  serve({.drain_max = 2s});
  auto peer = connect();
  send(*peer, produce(1, 0, Action::wait_for_ever));
  world_.run_for(1s);
  world_.net().reset(server_node_, peer_node_);
  world_.run_for(5s);
  EXPECT_EQ(server_->connection_count(), 0u);
  EXPECT_EQ(handler_.events.back(), (ScriptedHandler::Event{'x', 1}));
}

}  // namespace
}  // namespace partita::rpc
