// The API as a page that a person can read.

#ifndef MITRA_SERVICES_GATEWAY_API_API_PAGE_H_
#define MITRA_SERVICES_GATEWAY_API_API_PAGE_H_

#include <string>

#include "services/gateway/api/proto_docs.h"
#include "services/gateway/proxy/method_table.h"

namespace mitra::gateway {

// HTML without scripts: every method with its comment, ways in and demands,
// and the catalogue of errors. Wants the style sheet at /docs/style.css.
std::string ApiPage(const MethodTable& methods, const ProtoDocs& docs);
std::string ApiPageStyle();

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_API_API_PAGE_H_
