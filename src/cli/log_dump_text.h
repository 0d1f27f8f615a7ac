#pragma once
// The lines of a dump: one batch, one record.

#include <string>

#include "cli/log_dump.h"
#include "records/batch.h"
#include "records/record.h"

namespace partita::cli {

/// With its end of line.
std::string batch_line(const records::BatchView& batch, uint64_t position);
/// Appends the record's line with its end.
void append_record_line(std::string& out, const records::BatchView& batch,
                        const records::Record& record, const DumpOptions& options);

}  // namespace partita::cli
