// kafka-dump-log: Kafka's DumpLogSegments.

#include <fmt/format.h>

#include <cstdio>

#include "cli/kafka/tool.h"
#include "cli/kafka/tools.h"
#include "cli/log_dump.h"
#include "runtime/linux/world.h"

namespace partita::cli::kafka {
namespace {

constexpr OptionRow kRows[] = {
    {"cluster-metadata-decoder", Argument::none, "",
     "Records are those of the cluster's metadata; implies --print-data-log."},
    {"deep-iteration", Argument::none, "", "Show records, not only batches."},
    {"files", Argument::required, "String: file1, file2, ...", "REQUIRED: what to show."},
    {"index-sanity-check", Argument::none, "", "Check indexes, and do not show them."},
    {"key-decoder-class", Argument::optional, "String",
     "How keys become text; only Kafka's StringDecoder is served."},
    {"max-bytes", Argument::required, "Integer: size", "Stop after so many bytes of batches."},
    {"max-message-size", Argument::required, "Integer: size", "Has no effect."},
    {"offsets-decoder", Argument::none, "",
     "Records are those of __consumer_offsets; implies --print-data-log."},
    {"print-data-log", Argument::none, "", "Show keys and values."},
    {"share-group-state-decoder", Argument::none, "",
     "Records are those of __share_group_state; implies --print-data-log."},
    {"skip-record-metadata", Argument::none, "", "Show only keys and values of records."},
    {"transaction-log-decoder", Argument::none, "",
     "Records are those of __transaction_state; implies --print-data-log."},
    {"value-decoder-class", Argument::optional, "String",
     "How values become text; only Kafka's StringDecoder is served."},
    {"verify-index-only", Argument::none, "", "Show only what is wrong with indexes."},
};

std::vector<std::string> files_of(std::string_view text) {
  std::vector<std::string> files;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    if (comma != 0) files.emplace_back(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return files;
}

void write_to(std::FILE* file, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), file);
}

/// Where several are given the first counts.
CoordinatorLog coordinator_of(const Options& options) {
  if (options.has("offsets-decoder")) return CoordinatorLog::offsets;
  if (options.has("transaction-log-decoder")) return CoordinatorLog::transactions;
  const bool metadata = options.has("cluster-metadata-decoder");
  if (!metadata && options.has("share-group-state-decoder")) return CoordinatorLog::share_state;
  return CoordinatorLog::none;
}

/// What is written in Java cannot be loaded here.
Result<> check_decoders(const Options& options) {
  constexpr std::string_view kString = "org.apache.kafka.tools.api.StringDecoder";
  for (const std::string_view flag : {"key-decoder-class", "value-decoder-class"}) {
    const auto name = options.value(flag);
    if (!name || *name == kString) continue;
    return fail(Errc::invalid_argument,
                fmt::format("java.lang.RuntimeException: Failed to load decoder class {}", *name));
  }
  return {};
}

}  // namespace

int run_dump_log(std::span<const std::string> arguments) {
  const OptionParser parser(kRows);
  constexpr std::string_view kPurpose =
      "This tool helps to parse a log file and dump its contents to the console, useful for "
      "debugging a seemingly corrupt log segment.";
  const auto options = parser.parse(arguments);
  if (!options) {
    write_to(stderr, fmt::format("Exception in thread \"main\" "
                                 "joptsimple.UnrecognizedOptionException: {}\n",
                                 options.error().detail));
    return 1;
  }
  if (arguments.empty()) return parser.usage(kPurpose);
  if (const auto code = help_or_version(parser, *options, kPurpose)) return *code;
  constexpr std::string_view kRequired[] = {"files"};
  if (const auto checked = parser.check_required(*options, kRequired); !checked) {
    return parser.usage(checked.error().detail);
  }
  if (const auto checked = check_decoders(*options); !checked) {
    write_to(stderr, fmt::format("Exception in thread \"main\" {}\n", checked.error().detail));
    return 1;
  }
  const auto bytes_max = options->integer("max-bytes");
  if (!bytes_max) return parser.usage(bytes_max.error().detail);
  const DumpOptions how{.records = options->has("deep-iteration"),
                        .payloads = options->has("print-data-log") ||
                                    options->has("key-decoder-class") ||
                                    options->has("value-decoder-class"),
                        .metadata = options->has("cluster-metadata-decoder"),
                        .coordinator = coordinator_of(*options),
                        .skip_record_metadata = options->has("skip-record-metadata"),
                        .sanity_check = options->has("index-sanity-check"),
                        .verify_only = options->has("verify-index-only"),
                        .batches_bytes_max = bytes_max->value_or(INT64_MAX)};
  const DumpOutput output{.out = [](std::string_view text) { write_to(stdout, text); },
                          .err = [](std::string_view text) { write_to(stderr, text); }};
  LinuxWorld world;
  const Result<> dumped =
      world.run(dump_files(world.shard(0), files_of(options->value_or("files", "")), how, output));
  std::fflush(stdout);
  if (dumped) return 0;
  write_to(stderr, fmt::format("Exception in thread \"main\" {}\n", words_of(dumped.error())));
  return 1;
}

}  // namespace partita::cli::kafka
