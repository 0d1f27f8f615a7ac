#include "sim/prober.h"

#include <fmt/core.h>

#include <limits>

#include "client/admin.h"
#include "sim/probe_batches.h"
#include "sim/raw_connection.h"
#include "wire/messages/api_versions.h"
#include "wire/messages/fetch.h"
#include "wire/messages/list_offsets.h"
#include "wire/messages/metadata.h"

namespace partita::sim {
namespace {

constexpr Duration kCallMax = 10s;
constexpr int32_t kPartitions = 2;

// Kafka's error codes.
constexpr int16_t kNone = 0;
constexpr int16_t kCorruptMessage = 2;
constexpr int16_t kUnsupportedVersion = 35;
constexpr int16_t kOutOfOrderSequence = 45;
constexpr int16_t kInvalidProducerEpoch = 47;
constexpr int16_t kInvalidFetchSessionEpoch = 71;
constexpr int16_t kInvalidRecord = 87;

class Prober final : public Companion {
 public:
  explicit Prober(ClientContext& context)
      : context_(context),
        cluster_(context.shard, context.cluster_settings(), context.log),
        admin_(context.scope, cluster_) {}

  Task<void> run() override;
  Task<Result<>> check(Deadline deadline) override;
  Task<void> stop() override { co_return; }
  Task<void> close() override { return cluster_.close(); }

 private:
  /// An Error where there is no telling: no answer, or one of those that pass.
  using Probe = Task<Result<>> (Prober::*)(RawConnection&);
  static const std::pair<const char*, Probe> kProbes[];

  Task<Result<>> create(Deadline deadline);
  Task<Result<>> probe(size_t which);
  Task<Result<>> closes(RawConnection& at, Bytes bytes);
  Task<Result<ProduceAnswer>> produce(RawConnection& at, Bytes batch, int32_t partition = 0);
  Task<Result<>> produces(RawConnection& at, Bytes batch, int16_t code);
  Task<Result<Offset>> listed(RawConnection& at, int64_t which);

  Task<Result<>> unknown_api(RawConnection& at);
  Task<Result<>> unknown_version(RawConnection& at);
  Task<Result<>> unknown_versions_version(RawConnection& at);
  Task<Result<>> oversized(RawConnection& at);
  Task<Result<>> garbage(RawConnection& at);
  Task<Result<>> cut_body(RawConnection& at);
  Task<Result<>> falling_tags(RawConnection& at);
  Task<Result<>> wrong_crc(RawConnection& at);
  Task<Result<>> wrong_delta(RawConnection& at);
  Task<Result<>> wrong_max_timestamp(RawConnection& at);
  Task<Result<>> sequences(RawConnection& at);
  Task<Result<>> sequence_wrap(RawConnection& at);
  Task<Result<>> fetch_session(RawConnection& at);
  Task<Result<>> pipeline(RawConnection& at);

  void wrong(const std::string& what) {
    context_.findings.push_back(fmt::format("probe {}: {}", probing_, what));
  }
  NewBatch batch() {
    return {.producer_id = next_producer_id_, .timestamp = context_.shard.clock().wall()};
  }

  ClientContext& context_;
  client::Cluster cluster_;
  client::Admin admin_;
  bool created_ = false;
  const char* probing_ = "";
  int64_t next_producer_id_ = 1'000'000;
};

const std::pair<const char*, Prober::Probe> Prober::kProbes[] = {
    {"unknown API", &Prober::unknown_api},
    {"unknown version", &Prober::unknown_version},
    {"unknown version of ApiVersions", &Prober::unknown_versions_version},
    {"oversized frame", &Prober::oversized},
    {"garbage", &Prober::garbage},
    {"cut body", &Prober::cut_body},
    {"falling tags", &Prober::falling_tags},
    {"wrong CRC", &Prober::wrong_crc},
    {"wrong offset delta", &Prober::wrong_delta},
    {"wrong maximum timestamp", &Prober::wrong_max_timestamp},
    {"sequences", &Prober::sequences},
    {"sequence wrap", &Prober::sequence_wrap},
    {"fetch session", &Prober::fetch_session},
    {"pipeline", &Prober::pipeline},
};

Task<Result<>> Prober::create(Deadline deadline) {
  std::vector<client::NewTopic> topics;
  topics.push_back({.name = kProbeTopic,
                    .partitions = kPartitions,
                    .replication_factor = 1,
                    .configs = {{"flush.messages", "1"}}});
  CO_TRY(const auto outcomes, co_await admin_.create_topics(std::move(topics), false, deadline));
  const auto& result = outcomes.front().result;
  if (result || result.error().code == Errc::topic_already_exists) co_return Result<>();
  co_return std::unexpected(result.error());
}

Task<void> Prober::run() {
  while (!created_ && context_.goes_on()) {
    created_ = (co_await create(context_.shard.now() + kCallMax)).has_value();
    (void)co_await context_.pause(100ms);
  }
  while (context_.goes_on()) {
    const size_t which = context_.shard.random().below(std::size(kProbes));
    if (const Result<> done = co_await probe(which); !done) {
      context_.log.info("probe {}: {}", kProbes[which].first, describe(done.error()));
    }
    (void)co_await context_.pause(500ms);
  }
}

Task<Result<>> Prober::check(Deadline deadline) {
  if (!created_) co_return Result<>();
  for (size_t which = 0; which < std::size(kProbes); which++) {
    Result<> done = co_await probe(which);
    // A partition that nobody has used since the start may take a moment to be there.
    while (!done && context_.shard.now() < deadline && !context_.scope.closed()) {
      (void)co_await context_.pause(200ms);
      done = co_await probe(which);
    }
    if (!done) wrong("no answer: " + describe(done.error()));
  }
  co_return Result<>();
}

Task<Result<>> Prober::probe(size_t which) {
  const uint16_t port = context_.plan.ports[which % context_.plan.ports.size()];
  CO_TRY(const auto connection,
         co_await RawConnection::connect(context_.shard,
                                         {.address = context_.broker_address, .port = port}));
  probing_ = kProbes[which].first;
  next_producer_id_++;
  const Result<> done = co_await (this->*kProbes[which].second)(*connection);
  co_await connection->close();
  co_return done;
}

// --- Bytes that are no request ---

Task<Result<>> Prober::closes(RawConnection& at, Bytes bytes) {
  CO_CHECKED(co_await at.write(std::move(bytes)));
  CO_TRY(const auto frame, co_await at.read_frame());
  if (frame) wrong(fmt::format("is answered with {} bytes", frame->size()));
  co_return Result<>();
}

Task<Result<>> Prober::unknown_api(RawConnection& at) {
  return closes(at, Bytes::copy_of(std::string_view("\0\0\0\x0a\x27\x0f\0\0\0\0\0\1\xff\xff", 14)));
}

Task<Result<>> Prober::unknown_version(RawConnection& at) {
  return closes(at, Bytes::copy_of(std::string_view("\0\0\0\x0b\0\3\0\x63\0\0\0\1\xff\xff\0", 15)));
}

Task<Result<>> Prober::unknown_versions_version(RawConnection& at) {
  CO_CHECKED(co_await at.write(
      Bytes::copy_of(std::string_view("\0\0\0\x0a\0\x12\0\x7f\0\0\0\7\xff\xff", 14))));
  CO_TRY(const Bytes body, co_await at.answer(wire::ApiKey::api_versions, 0, 7));
  CO_TRY(const auto answer, wire::ApiVersionsResponseView::decode(body.view(), 0));
  if (answer.error_code != kUnsupportedVersion) wrong(fmt::format("code {}", answer.error_code));
  co_return Result<>();
}

Task<Result<>> Prober::oversized(RawConnection& at) {
  return closes(at, Bytes::copy_of(std::string_view("\x7f\xff\xff\xff\0\3\0\1\0\0\0\1", 12)));
}

Task<Result<>> Prober::garbage(RawConnection& at) {
  return closes(at, context_.shard.random().below(2) == 0
                        ? Bytes::copy_of("GET / HTTP/1.1\r\nHost: broker\r\n\r\n")
                        : Bytes::copy_of(std::string_view("\x16\3\1\2\0\1\0\1\xfc\3\3", 11)));
}

Task<Result<>> Prober::cut_body(RawConnection& at) {
  // Metadata 1 with three topics, of which none is there.
  return closes(at,
                Bytes::copy_of(std::string_view("\0\0\0\x0e\0\3\0\1\0\0\0\1\xff\xff\0\0\0\3", 18)));
}

Task<Result<>> Prober::falling_tags(RawConnection& at) {
  // ApiVersions 3 without names, and tags 5 and 3 behind it.
  return closes(at, Bytes::copy_of(std::string_view(
                        "\0\0\0\x12\0\x12\0\3\0\0\0\1\xff\xff\0\1\1\2\5\0\3\0", 22)));
}

// --- Batches ---

Task<Result<ProduceAnswer>> Prober::produce(RawConnection& at, Bytes batch, int32_t partition) {
  CO_TRY(const Bytes body,
         co_await at.ask(produce_request(std::move(batch), partition), kProduceVersion));
  co_return read_produce_answer(body.view());
}

Task<Result<>> Prober::produces(RawConnection& at, Bytes batch, int16_t code) {
  CO_TRY(const ProduceAnswer answer, co_await produce(at, std::move(batch)));
  if (answer.code != code) wrong(fmt::format("code {} where {} is right", answer.code, code));
  co_return Result<>();
}

Task<Result<>> Prober::wrong_crc(RawConnection& at) {
  return produces(at, with_flipped_bit(make_batch(batch())), kCorruptMessage);
}

Task<Result<>> Prober::wrong_delta(RawConnection& at) {
  return produces(at, make_gap_batch(batch()), kInvalidRecord);
}

Task<Result<Offset>> Prober::listed(RawConnection& at, int64_t which) {
  wire::ListOffsetsRequest request{.replica_id = -1};
  auto& topic = request.topics.emplace_back();
  topic.name = kProbeTopic;
  topic.partitions.push_back({.partition_index = 0, .timestamp = which});
  CO_TRY(const Bytes body, co_await at.ask(request, kListOffsetsVersion));
  CO_TRY(const auto answer,
         wire::ListOffsetsResponseView::decode(body.view(), kListOffsetsVersion));
  for (const auto& each : answer.topics) {
    for (const auto& partition : each.partitions) {
      if (partition.error_code != kNone) co_return fail(Errc::not_leader_or_follower);
      co_return Offset(partition.offset);
    }
  }
  co_return fail(Errc::malformed, "no partition");
}

Task<Result<>> Prober::wrong_max_timestamp(RawConnection& at) {
  NewBatch lies = batch();
  lies.lied_max_timestamp = WallTime(lies.timestamp.ms() + 1'000'000);
  CO_TRY(const ProduceAnswer answer, co_await produce(at, make_batch(lies)));
  if (answer.code != kNone) {
    wrong(fmt::format("code {}", answer.code));
    co_return Result<>();
  }
  // No record is as young as the header said.
  CO_TRY(const Offset found, co_await listed(at, lies.timestamp.ms() + 500'000));
  if (found != kNoOffset) wrong(fmt::format("the lie is found at offset {}", found.value()));
  co_return Result<>();
}

Task<Result<>> Prober::sequences(RawConnection& at) {
  NewBatch one = batch();
  one.epoch = 5;
  CO_TRY(const ProduceAnswer first, co_await produce(at, make_batch(one)));
  if (first.code != kNone) wrong(fmt::format("the first batch gets code {}", first.code));
  for (one.sequence = 1; one.sequence < 5; one.sequence++) {
    CO_CHECKED(co_await produces(at, make_batch(one), kNone));
  }
  one.sequence = 0;
  CO_TRY(const ProduceAnswer again, co_await produce(at, make_batch(one)));
  if (again.code != kNone || again.offset != first.offset) {
    wrong(fmt::format("the same batch again: code {}, offset {} after {}", again.code,
                      again.offset.value(), first.offset.value()));
  }
  one.sequence = 9;
  CO_CHECKED(co_await produces(at, make_batch(one), kOutOfOrderSequence));
  one.epoch = 4;
  CO_CHECKED(co_await produces(at, make_batch(one), kInvalidProducerEpoch));
  one.epoch = 6;
  CO_CHECKED(co_await produces(at, make_batch(one), kOutOfOrderSequence));
  one.sequence = 0;
  co_return co_await produces(at, make_batch(one), kNone);
}

Task<Result<>> Prober::sequence_wrap(RawConnection& at) {
  NewBatch one = batch();
  one.sequence = std::numeric_limits<int32_t>::max();
  CO_CHECKED(co_await produces(at, make_batch(one), kNone));
  one.sequence = 0;
  co_return co_await produces(at, make_batch(one), kNone);
}

// --- Order ---

Task<Result<>> Prober::fetch_session(RawConnection& at) {
  CO_CHECKED(co_await produces(at, make_batch(batch()), kNone));
  CO_TRY(const Bytes opened, co_await at.ask(fetch_request(0, 0, {0, 1}, {}), kFetchVersion));
  CO_TRY(const auto session, wire::FetchResponseView::decode(opened.view(), kFetchVersion));
  const int32_t id = session.session_id;
  if (session.error_code != kNone || id == 0) co_return fail(Errc::fetch_session_id_not_found);
  CO_TRY(const Bytes forgotten, co_await at.ask(fetch_request(id, 1, {}, {0}), kFetchVersion));
  CO_TRY(const Bytes last, co_await at.ask(fetch_request(id, 2, {}, {}), kFetchVersion));
  for (const Bytes& body : {forgotten, last}) {
    CO_TRY(const auto answer, wire::FetchResponseView::decode(body.view(), kFetchVersion));
    for (const auto& topic : answer.responses) {
      for (const auto& partition : topic.partitions) {
        if (partition.partition_index == 0) wrong("a forgotten partition comes");
      }
    }
  }
  CO_TRY(const Bytes odd, co_await at.ask(fetch_request(id, 9, {}, {}), kFetchVersion));
  CO_TRY(const auto refusal, wire::FetchResponseView::decode(odd.view(), kFetchVersion));
  if (refusal.error_code != kInvalidFetchSessionEpoch) {
    wrong(fmt::format("epoch 9 after 2 gets code {}", refusal.error_code));
  }
  co_return Result<>();
}

/// Several requests in one write: answers come in their order, and each sees what came before it.
Task<Result<>> Prober::pipeline(RawConnection& at) {
  wire::ListOffsetsRequest latest{.replica_id = -1};
  auto& topic = latest.topics.emplace_back();
  topic.name = kProbeTopic;
  topic.partitions.push_back({.partition_index = 0, .timestamp = -1});
  ByteChain all;
  const auto add = [&all](Result<ByteChain> frame) {
    for (Bytes& part : *frame) all.push_back(std::move(part));
  };
  NewBatch one = batch();
  add(wire::encode_request(produce_request(make_batch(one)), kProduceVersion, 1, "prober"));
  one.sequence = 1;
  add(wire::encode_request(produce_request(make_batch(one)), kProduceVersion, 2, "prober"));
  add(wire::encode_request(fetch_request(0, -1, {0}, {}), kFetchVersion, 3, "prober"));
  add(wire::encode_request(latest, kListOffsetsVersion, 4, "prober"));
  CO_CHECKED(co_await at.write(RawConnection::joined(all)));
  Offset end;
  for (const int32_t id : {1, 2}) {
    const auto body = co_await at.answer(wire::ApiKey::produce, kProduceVersion, id);
    if (!body && body.error().code == Errc::malformed) wrong(describe(body.error()));
    CO_CHECKED(body);
    CO_TRY(const ProduceAnswer answer, read_produce_answer(body->view()));
    if (answer.code != kNone) wrong(fmt::format("batch {} gets code {}", id, answer.code));
    end = answer.offset.next();
  }
  const auto fetched = co_await at.answer(wire::ApiKey::fetch, kFetchVersion, 3);
  if (!fetched && fetched.error().code == Errc::malformed) wrong(describe(fetched.error()));
  CO_CHECKED(fetched);
  const auto body = co_await at.answer(wire::ApiKey::list_offsets, kListOffsetsVersion, 4);
  if (!body && body.error().code == Errc::malformed) wrong(describe(body.error()));
  CO_CHECKED(body);
  CO_TRY(const auto listed,
         wire::ListOffsetsResponseView::decode(body->view(), kListOffsetsVersion));
  for (const auto& each : listed.topics) {
    for (const auto& partition : each.partitions) {
      if (partition.error_code != kNone || Offset(partition.offset) >= end) continue;
      wrong(fmt::format("the end is {} after an acknowledgement up to {}", partition.offset,
                        end.value()));
    }
  }
  co_return Result<>();
}

}  // namespace

std::unique_ptr<Companion> make_prober(ClientContext& context) {
  return std::make_unique<Prober>(context);
}

}  // namespace partita::sim
