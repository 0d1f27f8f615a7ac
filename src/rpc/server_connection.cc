#include "rpc/server_connection.h"

#include <algorithm>

#include "base/check.h"
#include "base/fault_points.h"

namespace partita::rpc {

namespace {

// After so many received bytes without a pause, others of the shard get their turn.
constexpr size_t kBytesPerTurn = 2 << 20;
// A frame below this is never refused for want of memory.
constexpr size_t kSmallBytes = 64 << 10;

/// Resumes after what is ready now.
struct Yield {
  Executor& executor;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) { executor.ready(waiting); }
  void await_resume() const {}
};

}  // namespace

ServerConnection::ServerConnection(ConnectionShared& shared, std::unique_ptr<Stream> stream,
                                   ConnectionContext context)
    : shared_(shared),
      stream_(std::move(stream)),
      context_(std::move(context)),
      scope_(shared.shard),
      patience_(shared.shard),
      frames_(shared.scratch, shared.settings.frame_bytes_max) {}

ServerConnection::~ServerConnection() {
  shared_.shard.timers().cancel(*this);
  shared_.memory.change(accounted_bytes_, 0);
}

Task<void> ServerConnection::run() {
  last_received_ = last_sent_ = shared_.shard.now();
  check_within(shared_.settings.idle_max);
  scope_.spawn(write_responses());
  const Result<> ended = co_await read_requests();
  if (!ended) log_end(ended.error());
  reading_ended_ = true;
  patience_.close();
  drain_until_ = shared_.shard.now() + shared_.settings.drain_max;
  if (!scope_.closed()) check_within(shared_.settings.drain_max);
  answered_.wake_all();
  co_await scope_.join();
}

void ServerConnection::finish() {
  finishing_ = true;
  patience_.close();
  room_.wake_all();
  answered_.wake_all();
}

void ServerConnection::abort(std::string_view reason) {
  if (scope_.closed()) return;
  if (!reason.empty()) log_end({Errc::deadline_exceeded, std::string(reason)});
  stream_->close();
  scope_.close();
}

// --- Reading ---

Task<Result<>> ServerConnection::read_requests() {
  Executor& executor = shared_.shard.executor();
  while (!finishing_ && !closing_) {
    {
      Completion<Result<>> readable(executor);
      stream_->when_readable(readable);
      CO_CHECKED(co_await readable);
    }
    while (!has_room() && !finishing_) {
      COVERED("rpc.reading_paused");
      pause_reading();
      Wait wait(scope_, kNoDeadline);
      room_.add(wait);
      CO_CHECKED(co_await wait);
    }
    while (shared_.memory.is_full() && !slots_.empty() && !frames_.mid_frame()) {
      COVERED("rpc.memory_full");
      pause_reading();
      Wait wait(scope_, kNoDeadline);
      shared_.memory.room().add(wait);
      CO_CHECKED(co_await wait);
    }
    resume_reading();
    const Result<size_t> count = receive();
    if (!count && count.error().code == Errc::would_block) continue;
    if (!count) co_return std::unexpected(count.error());
    if (*count == 0) co_return fail(Errc::end_of_stream);
    CO_CHECKED(co_await start_requests());
    if (received_unyielded_ > kBytesPerTurn) {
      received_unyielded_ = 0;
      co_await Yield{executor};
    }
  }
  co_return Result<>();
}

/// Reads once. 0 at the end of the stream.
Result<size_t> ServerConnection::receive() {
  const bool was_mid_frame = frames_.mid_frame();
  const Result<size_t> count = stream_->read_some(frames_.prepare());
  frames_.received(count.value_or(0));
  if (count) note_received(*count, was_mid_frame);
  update_memory();
  if (shared_.memory.is_exhausted() && frames_.held_bytes() > kSmallBytes) {
    return fail(Errc::limit_exceeded, "the memory for requests is used up");
  }
  return count;
}

Task<Result<>> ServerConnection::start_requests() {
  while (!finishing_ && !closing_) {
    const Result<Bytes> frame = frames_.next();
    if (!frame && frame.error().code == Errc::would_block) co_return Result<>();
    if (!frame) co_return std::unexpected(frame.error());
    CO_TRY(const wire::RequestFrame parsed, wire::parse_request(frame->view()));
    CO_TRY(const Overlap overlap, shared_.handler.admit(parsed.key, parsed.version));
    while (!may_start(overlap, parsed.key)) {
      pause_reading();
      Wait wait(scope_, kNoDeadline);
      room_.add(wait);
      CO_CHECKED(co_await wait);
    }
    CO_CHECKED(start(*frame, parsed, overlap));
  }
  co_return Result<>();
}

bool ServerConnection::has_room() const {
  const ServerSettings& settings = shared_.settings;
  if (mutant("rpc.unbounded_pipeline")) return true;
  return slots_.size() < settings.requests_in_flight_max &&
         slot_bytes_ + output_.held_bytes() < settings.bytes_in_flight_max;
}

bool ServerConnection::may_start(Overlap overlap, wire::ApiKey key) const {
  if (alone_running_ && !mutant("rpc.overlap_all")) return false;
  if (!has_room()) return false;
  if (overlap == Overlap::alone) return running_ == 0 || mutant("rpc.overlap_all");
  return key != wire::ApiKey::fetch || fetches_running_ < shared_.settings.fetches_in_flight_max;
}

Result<> ServerConnection::start(const Bytes& frame, const wire::RequestFrame& parsed,
                                 Overlap overlap) {
  if (scope_.closed()) return fail(Errc::stopped);
  const uint64_t sequence = first_sequence_ + slots_.size();
  slots_.push_back({.held_bytes = frame.size()});
  slot_bytes_ += frame.size();
  running_++;
  shared_.metrics.requests++;
  if (overlap == Overlap::alone) alone_running_ = true;
  if (parsed.key == wire::ApiKey::fetch) fetches_running_++;
  scope_.spawn(answer(sequence,
                      Request{.api_key = parsed.key,
                              .version = parsed.version,
                              .correlation_id = parsed.correlation_id,
                              .client_id = parsed.client_id.value_or(std::string_view()),
                              .frame = frame,
                              .body = parsed.body,
                              .received = last_received_,
                              .connection = &context_,
                              .scope = &scope_,
                              .patience = &patience_},
                      overlap));
  return {};
}

Task<void> ServerConnection::answer(uint64_t sequence, Request request, Overlap overlap) {
  const wire::ApiKey key = request.api_key;
  Response response = co_await shared_.handler.handle(std::move(request));
  running_--;
  if (key == wire::ApiKey::fetch) fetches_running_--;
  if (overlap == Overlap::alone) alone_running_ = false;
  // Nothing behind it is started any more; what is before it is still answered.
  if (response.kind == Response::Kind::close) finishing_ = true;
  finished(sequence, std::move(response));
}

void ServerConnection::finished(uint64_t sequence, Response response) {
  CHECK(sequence >= first_sequence_);
  CHECK(sequence - first_sequence_ < slots_.size());
  Slot& slot = slots_[sequence - first_sequence_];
  CHECK(!slot.is_answered);
  slot.is_answered = true;
  slot.response = std::move(response);
  slot_bytes_ -= slot.held_bytes;
  slot.held_bytes = chain_size(slot.response.frame);
  slot_bytes_ += slot.held_bytes;
  update_memory();
  room_.wake_all();
  if (mutant("rpc.response_order")) {
    output_.push(std::exchange(slot.response, Response::nothing()).frame);
    answered_.wake_all();
  }
  if (sequence == first_sequence_) answered_.wake_all();
}

// --- Writing ---

Task<void> ServerConnection::write_responses() {
  while (!scope_.closed()) {
    take_answered();
    if (output_.empty()) {
      if (is_drained()) break;
      Wait wait(scope_, kNoDeadline);
      answered_.add(wait);
      if (!co_await wait) break;
      continue;
    }
    const Result<> sent = send();
    if (sent) continue;
    if (sent.error().code != Errc::would_block) break;
    check_within(shared_.settings.write_stall_max);
    Completion<Result<>> writable(shared_.shard.executor());
    stream_->when_writable(writable);
    if (!co_await writable) break;
  }
  // Ends the reader's wait, and the waits of requests that nobody will hear the answer of.
  stream_->close();
  scope_.close();
}

/// Moves the answers that are next in order to the output.
void ServerConnection::take_answered() {
  while (!slots_.empty() && slots_.front().is_answered && !closing_) {
    Slot& slot = slots_.front();
    if (slot.response.kind == Response::Kind::close) {
      log_end({Errc::malformed, slot.response.reason});
      closing_ = true;
    }
    // When the peer had nothing to read before, its time to take some of this begins now.
    if (output_.empty()) last_sent_ = shared_.shard.now();
    output_.push(std::move(slot.response.frame));
    slot_bytes_ -= slot.held_bytes;
    slots_.pop_front();
    first_sequence_++;
  }
  update_memory();
}

Result<> ServerConnection::send() {
  uint64_t count = 0;
  Result<> sent = output_.write_to(*stream_, count);
  if (count > 0) {
    shared_.metrics.bytes_sent += count;
    last_sent_ = shared_.shard.now();
    room_.wake_all();
  }
  update_memory();
  return sent;
}

bool ServerConnection::is_drained() const {
  return closing_ || ((finishing_ || reading_ended_) && slots_.empty());
}

// --- Bounds ---

void ServerConnection::note_received(size_t count, bool was_mid_frame) {
  last_received_ = shared_.shard.now();
  shared_.metrics.bytes_received += count;
  received_unyielded_ += count;
  if (!frames_.mid_frame()) return;
  if (was_mid_frame && !frames_.has_frame()) {
    window_bytes_ += count;
    return;
  }
  frame_began_ = window_began_ = last_received_;
  window_bytes_ = count;
  check_within(shared_.settings.header_max);
}

void ServerConnection::pause_reading() {
  paused_ = true;
}

void ServerConnection::resume_reading() {
  if (!std::exchange(paused_, false)) return;
  frame_began_ = window_began_ = shared_.shard.now();
  window_bytes_ = 0;
  if (frames_.mid_frame()) check_within(shared_.settings.header_max);
}

void ServerConnection::update_memory() {
  const size_t held = frames_.held_bytes() + slot_bytes_ + output_.held_bytes();
  shared_.memory.change(accounted_bytes_, held);
  accounted_bytes_ = held;
}

void ServerConnection::log_end(const Error& why) {
  const bool is_ordinary = why.code == Errc::stopped || why.code == Errc::end_of_stream ||
                           why.code == Errc::connection_reset;
  const std::string words = why.detail.empty() ? std::string(errc_name(why.code)) : why.detail;
  if (is_ordinary) {
    shared_.log.debug("connection {} of {} on {} ended: {}", context_.id, context_.peer.to_string(),
                      context_.listener_name, words);
    return;
  }
  shared_.metrics.connections_closed_for_cause++;
  shared_.log.warn("closing connection {} of {} on {}: {}", context_.id, context_.peer.to_string(),
                   context_.listener_name, words);
}

void ServerConnection::fire() {
  if (scope_.closed()) return;
  const Instant now = shared_.shard.now();
  if (now - window_began_ >= shared_.settings.rate_window &&
      window_bytes_ >= shared_.settings.rate_window_bytes_min) {
    window_began_ = now;
    window_bytes_ = 0;
  }
  const Due due = next_due();
  if (due.at > now) {
    shared_.shard.timers().set(*this, due.at);
    return;
  }
  if (due.is_idle) {
    shared_.metrics.connections_closed_idle++;
    abort({});
    return;
  }
  abort(due.reason);
}

ServerConnection::Due ServerConnection::next_due() const {
  const ServerSettings& settings = shared_.settings;
  if (reading_ended_) return {drain_until_, "requests in flight did not end in time"};
  if (!output_.empty()) {
    return {last_sent_ + settings.write_stall_max, "the peer does not read its responses"};
  }
  if (frames_.mid_frame() && !paused_) {
    if (!frames_.has_header()) {
      return {frame_began_ + settings.header_max, "a request's header arrives too slowly"};
    }
    return {window_began_ + settings.rate_window, "a request arrives too slowly"};
  }
  if (slots_.empty()) {
    return {std::max(last_received_, last_sent_) + settings.idle_max, "idle", true};
  }
  // Requests are under way and take the time they take; look again later.
  return {shared_.shard.now() + settings.idle_max, ""};
}

void ServerConnection::check_within(Duration duration) {
  Timers& timers = shared_.shard.timers();
  const Instant by = shared_.shard.now() + duration;
  if (is_set() && when() <= by) return;
  timers.cancel(*this);
  timers.set(*this, by);
}

}  // namespace partita::rpc
