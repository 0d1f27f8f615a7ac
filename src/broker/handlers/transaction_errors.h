#pragma once
// How clients of different ages hear what a transaction coordinator says.

#include "wire/error_code.h"

namespace partita::broker {

/// Clients that do not know producer_fenced are told invalid_producer_epoch.
inline int16_t transaction_error(const Error& error, bool knows_fenced) {
  if (error.code == Errc::producer_fenced && !knows_fenced) {
    return wire::error_code(Errc::invalid_producer_epoch);
  }
  return wire::error_code(error.code);
}

}  // namespace partita::broker
