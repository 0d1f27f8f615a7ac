#pragma once
// One accepted connection: cuts frames, starts requests, sends responses. Belongs to its shard;
// owned by Server.
//
// Invariants:
//  1. Requests are started in their order. Those that overlap (Produce, Fetch) run beside each
//     other; one that runs alone starts when all before it have ended, and holds back those after
//     it.
//  2. Responses leave in the order of their requests; what is answered in one turn leaves in one
//     write.
//  3. Beyond its bounds of requests and bytes in flight, the connection is not read.
//  4. Bytes that are no request end the reading with one log line; the requests before them are
//     still answered.
//  5. Deadlines (idle, slow frame, unread responses) are one timer that is moved only when it must
//     be earlier.

#include <deque>
#include <memory>
#include <string>

#include "base/log.h"
#include "rpc/frame_reader.h"
#include "rpc/memory_budget.h"
#include "rpc/output_queue.h"
#include "rpc/request_handler.h"
#include "rpc/server_settings.h"
#include "runtime/net.h"
#include "runtime/scope.h"
#include "runtime/shard.h"
#include "wire/frame.h"

namespace partita::rpc {

/// What the connections of one shard share.
struct ConnectionShared {
  Shard& shard;
  const ServerSettings settings;
  RequestHandler& handler;
  const Log log;
  ReceiveScratch scratch = {};
  MemoryBudget memory = MemoryBudget(settings.memory_soft, settings.memory_hard);
  ServerMetrics metrics = {};
};

class ServerConnection final : private Timer {
 public:
  ServerConnection(ConnectionShared& shared, std::unique_ptr<Stream> stream,
                   ConnectionContext context);
  /// REQUIRED: run() has ended.
  ~ServerConnection();

  /// Serves until the connection is closed and its requests have ended.
  Task<void> run();
  /// Takes no more requests; ends when those in flight are answered and sent.
  void finish();
  /// Ends at once; the reason is logged unless it is empty.
  void abort(std::string_view reason);

  const ConnectionContext& context() const { return context_; }

 private:
  /// A request's place in the order of responses.
  struct Slot {
    size_t held_bytes = 0;
    bool is_answered = false;
    Response response;
  };
  struct Due {
    Instant at;
    std::string_view reason;
    bool is_idle = false;
  };

  Task<Result<>> read_requests();
  Task<Result<>> start_requests();
  Result<size_t> receive();
  bool has_room() const;
  bool may_start(Overlap overlap, wire::ApiKey key) const;
  Result<> start(const Bytes& frame, const wire::RequestFrame& parsed, Overlap overlap);
  Task<void> answer(uint64_t sequence, Request request, Overlap overlap);
  void finished(uint64_t sequence, Response response);

  Task<void> write_responses();
  void take_answered();
  Result<> send();
  bool is_drained() const;

  void note_received(size_t count, bool was_mid_frame);
  void pause_reading();
  void resume_reading();
  void update_memory();
  void log_end(const Error& why);

  void fire() override;
  Due next_due() const;
  void check_within(Duration duration);

  ConnectionShared& shared_;
  const std::unique_ptr<Stream> stream_;
  ConnectionContext context_;
  Scope scope_;
  Scope patience_;
  FrameReader frames_;
  OutputQueue output_;

  std::deque<Slot> slots_;  // from the oldest unanswered request on
  uint64_t first_sequence_ = 0;
  size_t running_ = 0;
  size_t fetches_running_ = 0;
  bool alone_running_ = false;
  size_t slot_bytes_ = 0;
  size_t accounted_bytes_ = 0;
  size_t received_unyielded_ = 0;

  bool finishing_ = false;      // no more requests are wanted
  bool reading_ended_ = false;  // and none will come
  bool closing_ = false;        // after what is in output_
  bool paused_ = false;         // not reading for want of room: frames may take their time

  WaitQueue room_;      // the reader waits for requests to end or responses to leave
  WaitQueue answered_;  // the writer waits for responses

  Instant last_received_;
  Instant last_sent_;
  Instant frame_began_;
  Instant window_began_;
  size_t window_bytes_ = 0;
  Instant drain_until_ = kNoDeadline;
};

}  // namespace partita::rpc
