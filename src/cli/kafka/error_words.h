#pragma once
// What Kafka's Java tools say of an error: exceptions have names there, and messages of their own
// where the broker sent none. Scripts look for both.

#include <string>
#include <string_view>

#include "base/error.h"

namespace partita::cli::kafka {

/// The message of the Java exception that the error would be.
std::string java_message(const Error& error);
/// That exception as Java prints it: "org.apache.kafka.common.errors.NAME: message".
std::string java_exception(const Error& error);

/// Kafka's name of it: UNKNOWN_MEMBER_ID.
std::string java_error_name(Errc code);

/// The same error as somebody throws it on who waited for it: its message is the exception's text.
Error execution_failure(const Error& error);
/// And once more around that.
Error runtime_failure(const Error& error);

}  // namespace partita::cli::kafka
