#include "cli/produce_lines.h"

#include <cstdio>

#include "runtime/linux/standard_input.h"

namespace partita::cli {
namespace {

constexpr size_t kReadBytes = 64 << 10;

class LineProducer {
 public:
  LineProducer(ClientContext& context, ProduceLines how)
      : context_(context),
        how_(without_waiting(std::move(how))),
        producer_(context.cluster, how_.settings,
                  how_.partitioner ? how_.partitioner(context.shard())
                                   : client::sticky_partitioner(context.shard().random(),
                                                                how_.settings.batch_bytes)) {}

  Task<ProducedLines> run() {
    const Result<> read = co_await read_lines();
    if (!read) result_.error = read.error();
    const Result<> flushed = co_await producer_.flush(kNoDeadline);
    if (!flushed && !result_.error) result_.error = flushed.error();
    co_await producer_.close();
    co_return std::move(result_);
  }

 private:
  /// With `sync` nothing else can come into a batch: it need not wait for more.
  static ProduceLines without_waiting(ProduceLines how) {
    if (how.sync) how.settings.linger = 0ms;
    return how;
  }

  Task<Result<>> read_lines() {
    StandardInput input(context_.world.loop(0));
    LineSplitter lines;
    std::vector<uint8_t> memory(kReadBytes);
    bool at_end = false;
    show_prompt();
    while (!at_end) {
      Completion<Result<size_t>> done(context_.shard().executor());
      input.start_read(memory, done);
      CO_TRY(const size_t count, co_await done);
      at_end = count == 0;
      lines.add(as_text(ByteView(memory).first(count)));
      while (auto line = lines.next(at_end)) {
        CO_CHECKED(co_await send(std::move(*line)));
        show_prompt();
      }
    }
    co_return Result<>();
  }

  Task<Result<>> send(std::string line) {
    CO_TRY(client::ProducerRecord record, how_.reader->read(line));
    record.partition = how_.partition;
    if (how_.sync) {
      CO_TRY([[maybe_unused]] const client::Delivery at,
             co_await producer_.deliver(std::move(record)));
      result_.delivered++;
      co_return Result<>();
    }
    client::DeliveryCallback done = [this](Result<client::Delivery> delivery) {
      if (delivery)
        result_.delivered++;
      else
        note_failure(delivery.error());
    };
    Result<bool> taken = producer_.try_send(record, done);
    if (taken && *taken) co_return Result<>();
    Result<> sent = taken ? co_await producer_.send(std::move(record), std::move(done))
                          : Result<>(std::unexpected(taken.error()));
    if (!sent) note_failure(sent.error());
    co_return Result<>();
  }

  void note_failure(const Error& error) {
    result_.failed++;
    if (how_.failed) how_.failed(error);
  }
  void show_prompt() {
    if (!how_.prompt) return;
    std::fputc('>', stdout);
    std::fflush(stdout);
  }

  ClientContext& context_;
  ProduceLines how_;
  client::Producer producer_;
  ProducedLines result_;
};

}  // namespace

Task<ProducedLines> produce_lines(ClientContext& context, ProduceLines how) {
  LineProducer producer(context, std::move(how));
  co_return co_await producer.run();
}

}  // namespace partita::cli
