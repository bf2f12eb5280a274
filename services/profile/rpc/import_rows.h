// The messages of an import as rows, whatever is wrong with some of them.

#ifndef MITRA_SERVICES_PROFILE_RPC_IMPORT_ROWS_H_
#define MITRA_SERVICES_PROFILE_RPC_IMPORT_ROWS_H_

#include "common/rpc/raw_message.h"
#include "mitra/v1/profiles_service.pb.h"

namespace mitra::profile {

// The message that `raw` holds. Where it cannot be parsed, each row that can be
// read stands as it was sent, and each other one is `unreadable`, with its
// number and id as far as they could be read. Of a message that is torn (a
// length leads out of it) the rest counts as one unreadable row at the end.
v1::ImportRequest ReadImport(const rpc::RawMessage& raw);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_RPC_IMPORT_ROWS_H_
