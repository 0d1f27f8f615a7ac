#include "runtime/sim/sim_stream.h"

#include <algorithm>

#include "base/crc32c.h"
#include "base/fault_points.h"
#include "runtime/sim/world.h"

namespace partita::runtime::sim {

SimConnection::SimConnection(SimNet& net, SimShard& client, Endpoint client_at, SimShard& server,
                             Endpoint server_at)
    : net_(net),
      sides_{{.shard = &client, .local = std::move(client_at)},
             {.shard = &server, .local = std::move(server_at)}} {}

SimNode& SimConnection::node(End end) const {
  return sides_[end].shard->node();
}

bool SimConnection::between(const SimNode& a, const SimNode& b) const {
  const SimNode& client = node(kClient);
  const SimNode& server = node(kServer);
  return (&client == &a && &server == &b) || (&client == &b && &server == &a);
}

bool SimConnection::usable(const Side& side) const {
  return side.open && side.shard->process().alive();
}

bool SimConnection::readable(const Side& side) const {
  return unread_inbox(side) > 0 || side.end_of_stream || side.reset;
}

Result<size_t> SimConnection::read_some(End end, ByteSpan into) {
  Side& side = sides_[end];
  if (!usable(side)) return fail(Errc::stopped);
  size_t count = std::min(into.size(), unread_inbox(side));
  if (count == 0) {
    if (side.reset) return fail(Errc::connection_reset);
    if (side.end_of_stream || into.empty()) return 0;
    return fail(Errc::would_block);
  }
  if (chance(net_.random_, net_.options_.split_one_in)) count = 1 + net_.random_.below(count);
  std::copy_n(side.inbox.begin() + static_cast<ptrdiff_t>(side.inbox_read), count, into.begin());
  side.inbox_read += count;
  if (unread_inbox(side) == 0) {
    side.inbox = {};
    side.inbox_read = 0;
  }
  if (!side.wire.empty() && side.wire.back().what == What::credit) {
    side.wire.back().credit += count;
  } else if (!side.reset) {
    send(end, {.what = What::credit, .credit = count});
  }
  return count;
}

Result<size_t> SimConnection::write_some(End end, std::span<const ByteView> parts) {
  Side& side = sides_[end];
  if (!usable(side)) return fail(Errc::stopped);
  if (side.reset) return fail(Errc::connection_reset);
  size_t total = 0;
  for (const ByteView part : parts) total += part.size();
  if (total == 0) return 0;
  const uint64_t window = net_.options_.window_bytes;
  if (side.unread >= window) return fail(Errc::would_block);
  size_t count = std::min<uint64_t>(total, window - side.unread);
  if (chance(net_.random_, net_.options_.split_one_in)) count = 1 + net_.random_.below(count);
  send_bytes(end, parts, count);
  return count;
}

/// Puts the first `count` bytes of the parts on the wire, split anywhere.
void SimConnection::send_bytes(End from, std::span<const ByteView> parts, size_t count) {
  std::vector<uint8_t> bytes;
  bytes.reserve(count);
  for (const ByteView part : parts) {
    const size_t taken = std::min(part.size(), count - bytes.size());
    bytes.insert(bytes.end(), part.begin(), part.begin() + static_cast<ptrdiff_t>(taken));
  }
  sides_[from].unread += count;
  if (count > 1 && chance(net_.random_, net_.options_.split_one_in)) {
    const auto at = bytes.begin() + static_cast<ptrdiff_t>(1 + net_.random_.below(count - 1));
    send(from, {.bytes = std::vector<uint8_t>(bytes.begin(), at)});
    bytes.erase(bytes.begin(), at);
  }
  send(from, {.bytes = std::move(bytes)});
}

void SimConnection::wait(End end, uint64_t& slot, bool ready, Completion<Result<>>& done) {
  Side& side = sides_[end];
  if (!usable(side)) return done.complete(fail(Errc::stopped));
  if (ready) return done.complete({});
  CHECK(slot == 0);
  slot = side.shard->process().begin([&done](bool stopped) {
    done.complete(stopped ? Result<>(fail(Errc::stopped)) : Result<>());
  });
}

void SimConnection::when_readable(End end, Completion<Result<>>& done) {
  wait(end, sides_[end].read_wait, readable(sides_[end]), done);
}

void SimConnection::when_writable(End end, Completion<Result<>>& done) {
  const Side& side = sides_[end];
  wait(end, sides_[end].write_wait, side.reset || side.unread < net_.options_.window_bytes, done);
}

void SimConnection::wake(Side& side, uint64_t& slot) {
  if (slot != 0) side.shard->process().finish(std::exchange(slot, 0));
}

void SimConnection::wake_both(Side& side) {
  wake(side, side.read_wait);
  wake(side, side.write_wait);
}

void SimConnection::close(End end) {
  Side& side = sides_[end];
  if (!usable(side)) return;
  end_by_program(end);
  SimProcess& process = side.shard->process();
  if (side.read_wait != 0) process.stop(std::exchange(side.read_wait, 0));
  if (side.write_wait != 0) process.stop(std::exchange(side.write_wait, 0));
}

/// What the kernel sends when a program lets go of an end.
void SimConnection::end_by_program(End end) {
  Side& side = sides_[end];
  side.open = false;
  if (side.reset) return;
  if (unread_inbox(side) == 0) return send(end, {.what = What::end_of_stream});
  COVERED("sim.net.close_with_unread_bytes");
  answer_with_reset(end);
}

/// The suffix of what this end had sent is lost, and the peer is told.
void SimConnection::answer_with_reset(End end) {
  Side& side = sides_[end];
  side.reset = true;
  side.wire.resize(net_.random_.below(side.wire.size() + 1));
  send(end, {.what = What::reset});
}

void SimConnection::process_ended(const SimProcess& process, bool power_cut) {
  for (const End end : {kClient, kServer}) {
    Side& side = sides_[end];
    if (&side.shard->process() != &process || !side.open) continue;
    side.read_wait = 0;
    side.write_wait = 0;
    if (power_cut) {
      side.open = false;
    } else {
      end_by_program(end);
    }
  }
}

void SimConnection::powered_up(const SimNode& restarted) {
  for (const End end : {kClient, kServer}) {
    if (&node(end) == &restarted && std::exchange(sides_[end].unanswered, false))
      answer_with_reset(end);
  }
}

void SimConnection::lose(End end) {
  Side& side = sides_[end];
  side.reset = true;
  side.wire.clear();
  if (net_.random_.below(2) == 0) {
    side.inbox.clear();
    side.inbox_read = 0;
  }
  wake_both(side);
}

void SimConnection::lose_both() {
  lose(kClient);
  lose(kServer);
}

void SimConnection::send(End from, Segment segment) {
  Side& side = sides_[from];
  const Duration transfer =
      net_.options_.per_kibibyte * static_cast<int64_t>(segment.bytes.size()) / 1024;
  segment.arrives = net_.world_.now() + net_.delay(node(from), node(other(from))) + transfer;
  if (!side.wire.empty())
    segment.arrives = std::max(segment.arrives, side.wire.back().arrives + transfer);
  side.wire.push_back(std::move(segment));
  if (!side.pumping) schedule_pump(from, side.wire.front().arrives);
}

void SimConnection::schedule_pump(End from, Instant when) {
  Side& side = sides_[from];
  side.pumping = true;
  const uint64_t place = (uint64_t{node(from).index()} << 32) | node(other(from)).index();
  net_.world_.schedule(when, nullptr, EventKind::net, place,
                       [self = shared_from_this(), from] { self->pump(from); });
}

void SimConnection::pump(End from) {
  Side& side = sides_[from];
  side.pumping = false;
  if (side.wire.empty()) return;
  if (net_.is_cut(node(from), node(other(from)))) {
    side.held = true;
    side.pumping = true;
    return;
  }
  if (side.wire.front().arrives <= net_.world_.now()) {
    Segment segment = std::move(side.wire.front());
    side.wire.pop_front();
    deliver(other(from), std::move(segment));
  }
  if (!side.wire.empty() && !side.pumping) schedule_pump(from, side.wire.front().arrives);
}

void SimConnection::healed() {
  for (const End end : {kClient, kServer}) {
    Side& side = sides_[end];
    if (!side.held || net_.is_cut(node(end), node(other(end)))) continue;
    side.held = false;
    schedule_pump(end, net_.world_.now() + net_.delay(node(end), node(other(end))));
  }
}

void SimConnection::deliver(End to, Segment segment) {
  Side& side = sides_[to];
  net_.world_.trace(EventKind::net, static_cast<uint64_t>(segment.what),
                    mix64(segment.bytes.size()) ^ crc32c(segment.bytes));
  if (!node(to).powered()) {
    side.unanswered |= segment.what == What::data;
    return;
  }
  if (segment.what == What::credit) {
    sides_[to].unread -= std::min(sides_[to].unread, segment.credit);
    return wake(side, side.write_wait);
  }
  if (segment.what == What::reset) {
    COVERED("sim.net.reset_arrives");
    return lose(to);
  }
  const bool data = segment.what == What::data;
  if (!side.open || side.reset) {
    if (data) answer_with_reset(to);
    return;
  }
  if (data && chance(net_.random_, net_.options_.reset_one_in)) return lose_both();
  if (data) {
    side.inbox.insert(side.inbox.end(), segment.bytes.begin(), segment.bytes.end());
  } else {
    side.end_of_stream = true;
  }
  wake(side, side.read_wait);
}

}  // namespace partita::runtime::sim
