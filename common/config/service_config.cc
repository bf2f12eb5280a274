#include "common/config/service_config.h"

namespace mitra {

void AdminConfig::AddTo(Schema& schema) {
  schema.Add("admin.listen", &listen,
             "Where /metrics and the probes are; empty: nowhere.");
  schema.Add("admin.allow_remote", &allow_remote,
             "Let other machines reach the admin port.");
  schema.Add("address_file", &address_file,
             "File that tells where the process listens; empty: none.");
}

void ServiceConfig::AddTo(Schema& schema) {
  schema.Add("server.listen", &listen,
             "Where to listen: \"host:port\", \"unix:/path\".");
  schema.Add("server.threads", &threads, "Threads that serve calls.")
      .Range(1, 256);
  admin.AddTo(schema);
  links.AddTo(schema);
}

}  // namespace mitra
