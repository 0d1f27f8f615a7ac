#include <algorithm>

#include "runtime/conformance_test.h"
#include "runtime/scope.h"

namespace partita {
namespace {

class NetConformance : public ConformanceTest {};
INSTANTIATE_TEST_SUITE_P(Worlds, NetConformance, testing::ValuesIn(conformance_worlds()),
                         world_name);

using StreamResult = Result<std::unique_ptr<Stream>>;

const Endpoint kAnyPort{"127.0.0.1", 0};

Task<StreamResult> connect(Shard& shard, Endpoint to) {
  Completion<StreamResult> done(shard.executor());
  shard.net().start_connect(to, done);
  co_return co_await done;
}

Task<StreamResult> accept(Shard& shard, Listener& listener) {
  Completion<StreamResult> done(shard.executor());
  listener.start_accept(done);
  co_return co_await done;
}

Task<Result<>> readable(Shard& shard, Stream& stream) {
  Completion<Result<>> done(shard.executor());
  stream.when_readable(done);
  co_return co_await done;
}

Task<Result<>> writable(Shard& shard, Stream& stream) {
  Completion<Result<>> done(shard.executor());
  stream.when_writable(done);
  co_return co_await done;
}

Task<Result<>> send_all(Shard& shard, Stream& stream, std::string text) {
  ByteView left = as_bytes(text);
  while (!left.empty()) {
    const ByteView parts[] = {left.first(left.size() / 2), left.subspan(left.size() / 2)};
    const Result<size_t> sent = stream.write_some(parts);
    if (sent) {
      left = left.subspan(*sent);
    } else if (sent.error().code == Errc::would_block) {
      CO_CHECKED(co_await writable(shard, stream));
    } else {
      co_return std::unexpected(sent.error());
    }
  }
  co_return Result<>();
}

Task<Result<std::string>> receive(Shard& shard, Stream& stream, size_t count) {
  std::string text;
  std::vector<uint8_t> some(7000);
  while (text.size() < count) {
    const Result<size_t> got =
        stream.read_some(ByteSpan(some).first(std::min(some.size(), count - text.size())));
    if (got && *got == 0) break;
    if (got) {
      text.append(as_text(ByteView(some).first(*got)));
    } else if (got.error().code == Errc::would_block) {
      CO_CHECKED(co_await readable(shard, stream));
    } else {
      co_return std::unexpected(got.error());
    }
  }
  co_return text;
}

struct Pair {
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
};

Task<Pair> connected(Shard& shard) {
  Pair pair;
  pair.listener = shard.net().listen(kAnyPort).value();
  pair.client = (co_await connect(shard, pair.listener->local())).value();
  pair.server = (co_await accept(shard, *pair.listener)).value();
  co_return pair;
}

std::string long_text(size_t size) {
  std::string text(size, ' ');
  for (size_t i = 0; i < size; i++) text[i] = static_cast<char>('a' + i * i % 23);
  return text;
}

Task<void> listens(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  auto first = shard.net().listen(kAnyPort);
  CO_ASSERT(first.has_value());
  EXPECT_EQ((*first)->local().address, "127.0.0.1");
  EXPECT_GT((*first)->local().port, 0);
  EXPECT_EQ(error_of(shard.net().listen((*first)->local())), Errc::already_exists);
  const Endpoint freed = (*first)->local();
  first->reset();
  EXPECT_TRUE(shard.net().listen(freed));
  co_return;
}
TEST_P(NetConformance, AnAddressIsTakenOnce) {
  check(listens);
}

Task<void> shared_listens(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  auto first = shard.net().listen(kAnyPort, true);
  CO_ASSERT(first.has_value());
  EXPECT_TRUE(shard.net().listen((*first)->local(), true));
  co_return;
}
TEST_P(NetConformance, SharedAddressesAreShared) {
  check(shared_listens);
}

Task<void> connects(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  Pair pair = co_await connected(shard);
  EXPECT_EQ(pair.client->peer(), pair.listener->local());
  EXPECT_EQ(pair.server->local(), pair.listener->local());
  EXPECT_EQ(pair.server->peer(), pair.client->local());
  uint8_t some[8];
  EXPECT_EQ(error_of(pair.server->read_some(some)), Errc::would_block);
  EXPECT_TRUE(co_await writable(shard, *pair.client));
  EXPECT_TRUE(co_await send_all(shard, *pair.client, "hello"));
  EXPECT_EQ(co_await receive(shard, *pair.server, 5), "hello");
  EXPECT_TRUE(co_await send_all(shard, *pair.server, "world"));
  EXPECT_EQ(co_await receive(shard, *pair.client, 5), "world");
}
TEST_P(NetConformance, BytesGoBothWays) {
  check(connects);
}

Task<void> accepts_later(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  auto listener = shard.net().listen(kAnyPort).value();
  Completion<StreamResult> accepted(shard.executor());
  listener->start_accept(accepted);
  const StreamResult client = co_await connect(shard, listener->local());
  CO_ASSERT(client.has_value());
  const StreamResult server = co_await accepted;
  EXPECT_TRUE(server);
}
TEST_P(NetConformance, AnAcceptWaitsForItsConnection) {
  check(accepts_later);
}

Task<void> refused(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  auto listener = shard.net().listen(kAnyPort).value();
  const Endpoint at = listener->local();
  listener->close();
  listener->close();
  EXPECT_EQ(error_of(co_await accept(shard, *listener)), Errc::stopped);
  listener.reset();
  EXPECT_EQ(error_of(co_await connect(shard, at)), Errc::connection_reset);
}
TEST_P(NetConformance, ConnectIsRefusedWhereNobodyListens) {
  check(refused);
}

Task<void> close_listener(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  auto listener = shard.net().listen(kAnyPort).value();
  Completion<StreamResult> accepted(shard.executor());
  listener->start_accept(accepted);
  listener->close();
  EXPECT_EQ(error_of(co_await accepted), Errc::stopped);
}
TEST_P(NetConformance, ClosingAListenerEndsItsWait) {
  check(close_listener);
}

Task<void> send_into(Shard& shard, Stream& stream, std::string text, bool& ended) {
  EXPECT_TRUE(co_await send_all(shard, stream, std::move(text)));
  ended = true;
}

Task<void> back_pressure(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  Pair pair = co_await connected(shard);
  Scope scope(shard);
  const std::string text = long_text(16 << 20);  // more than any kernel buffers
  bool sent = false;
  scope.spawn(send_into(shard, *pair.client, text, sent));
  EXPECT_TRUE(co_await sleep_for(scope, 50ms));
  EXPECT_FALSE(sent) << "a reader that does not read stops the writer";
  const Result<std::string> got = co_await receive(shard, *pair.server, text.size());
  CO_ASSERT(got.has_value());
  EXPECT_TRUE(*got == text);
  co_await scope.join();
  EXPECT_TRUE(sent);
}
TEST_P(NetConformance, ASlowReaderStopsTheWriter) {
  check(back_pressure);
}

Task<void> end_of_stream(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  Pair pair = co_await connected(shard);
  EXPECT_TRUE(co_await send_all(shard, *pair.client, "last words"));
  pair.client->close();
  EXPECT_EQ(co_await receive(shard, *pair.server, 100), "last words") << "all bytes, then the end";
  uint8_t some[8];
  EXPECT_EQ(pair.server->read_some(some), 0u) << "and the end stays";
  EXPECT_TRUE(co_await readable(shard, *pair.server));
}
TEST_P(NetConformance, ThePeersCloseIsSeenAfterItsBytes) {
  check(end_of_stream);
}

Task<void> close_ends_waits(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  Pair pair = co_await connected(shard);
  Completion<Result<>> reading(shard.executor());
  pair.client->when_readable(reading);
  pair.client->close();
  pair.client->close();
  EXPECT_EQ(error_of(co_await reading), Errc::stopped);
  EXPECT_EQ(error_of(co_await readable(shard, *pair.client)), Errc::stopped);
  EXPECT_EQ(error_of(co_await writable(shard, *pair.client)), Errc::stopped);
  uint8_t some[8];
  EXPECT_EQ(error_of(pair.client->read_some(some)), Errc::stopped);
  EXPECT_EQ(error_of(co_await send_all(shard, *pair.client, "text")), Errc::stopped);
}
TEST_P(NetConformance, CloseEndsTheOwnWaits) {
  check(close_ends_waits);
}

Task<void> peer_is_gone(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  Pair pair = co_await connected(shard);
  EXPECT_TRUE(co_await send_all(shard, *pair.client, "unread"));
  EXPECT_TRUE(co_await readable(shard, *pair.server));
  pair.server.reset();
  const Result<std::string> read = co_await receive(shard, *pair.client, 1);
  EXPECT_TRUE(error_of(read) == Errc::connection_reset || read == "");
  Scope scope(shard);
  std::optional<Errc> failed;
  for (int i = 0; i < 100 && !failed; i++) {
    failed = error_of(co_await send_all(shard, *pair.client, "more"));
    EXPECT_TRUE(co_await sleep_for(scope, 5ms));
  }
  EXPECT_EQ(failed, Errc::connection_reset);
}
TEST_P(NetConformance, WritingToAPeerThatIsGoneFails) {
  check(peer_is_gone);
}

Task<void> waiting_peer_is_gone(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  Pair pair = co_await connected(shard);
  Completion<Result<>> reading(shard.executor());
  pair.client->when_readable(reading);
  pair.server.reset();
  EXPECT_TRUE(co_await reading) << "the end is something to read";
  uint8_t some[8];
  EXPECT_EQ(pair.client->read_some(some), 0u);
}
TEST_P(NetConformance, AWaitingReaderSeesTheEnd) {
  check(waiting_peer_is_gone);
}

Task<Result<std::vector<std::string>>> resolve(Shard& shard, std::string host) {
  Completion<Result<std::vector<std::string>>> done(shard.executor());
  shard.net().start_resolve(host, done);
  co_return co_await done;
}

Task<void> resolves(ConformanceWorld& world) {
  Shard& shard = world.shard(0);
  EXPECT_EQ(co_await resolve(shard, "127.0.0.1"), std::vector<std::string>{"127.0.0.1"});
  EXPECT_EQ(co_await resolve(shard, "::1"), std::vector<std::string>{"::1"});
  const auto local = co_await resolve(shard, "localhost");
  CO_ASSERT(local.has_value());
  EXPECT_TRUE(
      std::ranges::any_of(*local, [](const auto& a) { return a == "127.0.0.1" || a == "::1"; }));
}
TEST_P(NetConformance, NamesAreResolved) {
  check(resolves);
}

}  // namespace
}  // namespace partita
