#pragma once
// What the tests of connections share: a server on a simulated network whose handler does what the
// request's body says, and a raw peer that sends any bytes.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "rpc/server.h"
#include "runtime/sim/world.h"
#include "wire/frame.h"

namespace partita::rpc {

class LinesSink final : public LogSink {
 public:
  void write(LogLevel level, std::string_view, std::string_view line) override {
    if (level >= LogLevel::warn) lines.emplace_back(line);
  }
  std::vector<std::string> lines;
};

/// What a test request asks for, as its body.
enum class Action : uint8_t { reply, nothing, close, wait_for_ever, wait_for_more };

inline std::string body_of(int32_t delay_ms, Action action, size_t padding = 0) {
  std::string body(5 + padding, 'p');
  store_be(reinterpret_cast<uint8_t*>(body.data()), delay_ms);
  body[4] = static_cast<char>(action);
  return body;
}

inline std::string frame_of(std::string_view contents) {
  uint8_t size[4];
  store_be(size, static_cast<uint32_t>(contents.size()));
  return std::string(as_text(size)).append(contents);
}

/// A whole request of an API at a version with header version 1, client id "test".
inline std::string request(wire::ApiKey key, int16_t version, int32_t correlation_id,
                           std::string_view body) {
  uint8_t header[14];
  store_be(header, static_cast<int16_t>(key));
  store_be(header + 2, version);
  store_be(header + 4, correlation_id);
  store_be(header + 8, int16_t{4});
  std::memcpy(header + 10, "test", 4);
  return frame_of(std::string(as_text(header)).append(body));
}

inline std::string produce(int32_t correlation_id, int32_t delay_ms, Action action = Action::reply,
                           size_t padding = 0) {
  return request(wire::ApiKey::produce, 3, correlation_id, body_of(delay_ms, action, padding));
}
inline std::string fetch(int32_t correlation_id, int32_t delay_ms) {
  return request(wire::ApiKey::fetch, 4, correlation_id, body_of(delay_ms, Action::reply));
}
inline std::string metadata(int32_t correlation_id, int32_t delay_ms,
                            Action action = Action::reply) {
  return request(wire::ApiKey::metadata, 1, correlation_id, body_of(delay_ms, action));
}

class ScriptedHandler final : public RequestHandler {
 public:
  struct Event {
    char what;  ///< 's'tarted, 'e'nded, 'x' stopped by its scope
    int32_t correlation_id;
    bool operator==(const Event&) const = default;
  };

  Result<Overlap> admit(wire::ApiKey key, int16_t) const override {
    if (key == wire::ApiKey::sasl_handshake)
      return fail(Errc::unsupported_version, "SaslHandshake is not served");
    const bool overlaps = key == wire::ApiKey::produce || key == wire::ApiKey::fetch;
    return overlaps ? Overlap::with_others : Overlap::alone;
  }

  Task<Response> handle(Request request) override {
    note('s', request);
    running++;
    running_most = std::max(running_most, running);
    const int32_t delay_ms = load_be<int32_t>(request.body.data());
    const auto action = static_cast<Action>(request.body[4]);
    const bool endless = action == Action::wait_for_ever || action == Action::wait_for_more;
    const Duration delay = endless ? Duration(24h) : from_ms(delay_ms);
    Scope& scope = action == Action::wait_for_more ? *request.patience : *request.scope;
    const Result<> slept = delay > 0s ? co_await sleep_for(scope, delay) : Result<>();
    running--;
    note(slept ? 'e' : 'x', request);
    if (action == Action::nothing) co_return Response::nothing();
    if (action == Action::close) co_return Response::closing("the request said so");
    Buffer answer(8 + response_padding);
    answer.resize(answer.capacity());
    std::memset(answer.data(), 0, answer.size());
    store_be(answer.data(), static_cast<int32_t>(answer.size() - 4));
    store_be(answer.data() + 4, request.correlation_id);
    Response response;
    response.frame.push_back(std::move(answer).freeze());
    co_return response;
  }

  std::vector<Event> events;
  size_t running = 0;
  size_t running_most = 0;
  size_t response_padding = 0;

 private:
  void note(char what, const Request& request) {
    if (events.size() < 100'000) events.push_back({what, request.correlation_id});
  }
};

/// A server on one node, peers on another.
class ServerTest : public testing::Test {
 protected:
  ServerTest() : world_(7), server_node_(world_.add_node()), peer_node_(world_.add_node()) {}
  ~ServerTest() override {
    if (server_) world_.run(here(), server_->stop(here().now()));
  }

  Shard& here() { return server_node_.shard(); }
  Shard& there() { return peer_node_.shard(); }

  void serve(ServerSettings settings = {}) {
    server_ = std::make_unique<Server>(here(), settings, handler_, Log(sink_, "rpc"));
    const auto at = server_->listen("PLAINTEXT", {"0.0.0.0", 9092});
    ASSERT_TRUE(at) << describe(at.error());
  }
  Endpoint at() { return {server_node_.address(), 9092}; }

  std::unique_ptr<Stream> connect() {
    auto stream = world_.run(there(), connect_task(there(), at()));
    CHECK(stream.has_value());
    return *std::move(stream);
  }
  void send(Stream& stream, std::string bytes) {
    world_.run(there(), send_task(there(), stream, std::move(bytes)));
  }
  /// Correlation ids of the responses until `count` have come or the stream ends or fails.
  std::vector<int32_t> responses(Stream& stream, size_t count) {
    return world_.run(there(), responses_task(there(), stream, count));
  }
  /// Whether the peer sees the connection's end within the limit.
  bool ends_within(Stream& stream, Duration limit) {
    for (Duration passed = 0s; passed < limit; passed += 20ms) {
      if (is_at_end(stream)) return true;
      world_.run_for(20ms);
    }
    return is_at_end(stream);
  }
  /// Another connection still answers.
  void expect_alive() {
    auto other = connect();
    send(*other, metadata(77, 0));
    EXPECT_EQ(responses(*other, 1), std::vector<int32_t>{77});
  }

  static Task<Result<std::unique_ptr<Stream>>> connect_task(Shard& shard, Endpoint to) {
    Completion<Result<std::unique_ptr<Stream>>> done(shard.executor());
    shard.net().start_connect(to, done);
    co_return co_await done;
  }
  static Task<size_t> send_task(Shard& shard, Stream& stream, std::string bytes) {
    ByteView rest = as_bytes(bytes);
    while (!rest.empty()) {
      const auto count = stream.write_some(std::span(&rest, 1));
      if (count) {
        rest = rest.subspan(*count);
        continue;
      }
      if (count.error().code != Errc::would_block) break;
      Completion<Result<>> writable(shard.executor());
      stream.when_writable(writable);
      if (!co_await writable) break;
    }
    co_return bytes.size() - rest.size();
  }
  static Task<std::vector<int32_t>> responses_task(Shard& shard, Stream& stream, size_t count) {
    std::string received;
    std::vector<int32_t> ids;
    std::vector<uint8_t> memory(4096);
    while (true) {
      while (received.size() >= 8) {
        const auto* bytes = reinterpret_cast<const uint8_t*>(received.data());
        const size_t whole = 4 + static_cast<size_t>(load_be<int32_t>(bytes));
        if (received.size() < whole) break;
        ids.push_back(load_be<int32_t>(bytes + 4));
        received.erase(0, whole);
      }
      if (ids.size() >= count) co_return ids;
      const auto read = stream.read_some(memory);
      if (read && *read == 0) co_return ids;
      if (read) {
        received.append(as_text(ByteView(memory).first(*read)));
        continue;
      }
      if (read.error().code != Errc::would_block) co_return ids;
      Completion<Result<>> readable(shard.executor());
      stream.when_readable(readable);
      if (!co_await readable) co_return ids;
    }
  }
  /// Reads what is there and forgets it.
  static bool is_at_end(Stream& stream) {
    uint8_t memory[512];
    while (true) {
      const auto read = stream.read_some(memory);
      if (!read) return read.error().code != Errc::would_block;
      if (*read == 0) return true;
    }
  }

  runtime::sim::SimWorld world_;
  runtime::sim::SimNode& server_node_;
  runtime::sim::SimNode& peer_node_;
  LinesSink sink_;
  ScriptedHandler handler_;
  std::unique_ptr<Server> server_;
};

}  // namespace partita::rpc
