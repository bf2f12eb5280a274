// context: the clusters that a user works with.

#include <filesystem>
#include <iostream>
#include <memory>

#include "services/cli/commands/commands.h"
#include "services/cli/context/contexts.h"
#include "services/cli/output/table.h"

namespace mitra::cli {
namespace {

struct Options {
  std::string name;
  Context context;
};

int Fail(const absl::Status& status) {
  std::cerr << "mitra: " << status.message() << "\n";
  return kUsage;
}

// Changes the file by `change`, which may refuse.
template <typename Change>
int Edit(Change change) {
  auto contexts = LoadContexts(ContextsPath());
  if (!contexts.ok()) return Fail(contexts.status());
  if (const absl::Status changed = change(*contexts); !changed.ok()) {
    return Fail(changed);
  }
  const absl::Status saved = SaveContexts(*contexts, ContextsPath());
  return saved.ok() ? kOk : Fail(saved);
}

int List() {
  const auto contexts = LoadContexts(ContextsPath());
  if (!contexts.ok()) return Fail(contexts.status());
  Table table({"", "name", "server", "key file", "lang", "tls"});
  table.KeepWhole({"name", "server"});
  for (const auto& [name, context] : contexts->by_name) {
    table.AddRow({name == contexts->current ? "*" : "", name, context.server,
                  context.api_key_file, context.language, context.tls_ca});
  }
  std::cout << table.Render(TerminalWidth());
  return kOk;
}

int Set(const Options& o) {
  if (!IsContextName(o.name)) {
    std::cerr << "mitra: a name has letters, digits, - and _\n";
    return kUsage;
  }
  return Edit([&](Contexts& contexts) {
    Context& context = contexts.by_name[o.name];
    for (auto field : {&Context::server, &Context::language}) {
      if (!(o.context.*field).empty()) context.*field = o.context.*field;
    }
    for (auto file : {&Context::api_key_file, &Context::tls_ca,
                      &Context::tls_cert, &Context::tls_key}) {
      const std::string& given = o.context.*file;
      if (given.empty()) continue;
      const bool named = file == &Context::tls_ca && given == "system";
      context.*file = named ? given : std::filesystem::absolute(given).string();
    }
    if (contexts.current.empty()) contexts.current = o.name;
    return absl::OkStatus();
  });
}

int Use(const Options& o) {
  return Edit([&](Contexts& contexts) {
    const auto found = contexts.Pick(o.name);
    if (found.ok()) contexts.current = o.name;
    return found.status();
  });
}

int Delete(const Options& o) {
  return Edit([&](Contexts& contexts) {
    const auto found = contexts.Pick(o.name);
    contexts.by_name.erase(o.name);
    if (contexts.current == o.name) contexts.current.clear();
    return found.status();
  });
}

}  // namespace

void AddContextCommands(CLI::App& app, Action& action) {
  auto o = std::make_shared<Options>();
  auto* context = app.add_subcommand(
      "context",
      "Clusters by name, kept in ~/.config/mitra/config.toml.\n"
      "  mitra context set solo --server 127.0.0.1:8080 --api-key-file "
      "solo.key\n"
      "  mitra context set solo --tls-ca solo.pem\n"
      "  mitra context use solo\n"
      "  mitra --context solo status");
  context->require_subcommand(1);
  const auto add = [&](const char* name, const char* help,
                       std::function<int()> run) {
    auto* command = context->add_subcommand(name, help);
    command->callback([&action, run] { action = run; });
    return command;
  };
  const auto named = [&](CLI::App* command) {
    command->add_option("name", o->name)->required();
  };
  add("list", "List contexts; * is the current one", List);
  auto* set = add("set", "Make or change one", [o] { return Set(*o); });
  named(set);
  set->add_option("--server", o->context.server, "Gateway: host:port");
  set->add_option("--api-key-file", o->context.api_key_file,
                  "File whose first line is the API key");
  set->add_option("--tls-ca", o->context.tls_ca,
                  "Who signs the gateway's certificate: a file, or system");
  set->add_option("--tls-cert", o->context.tls_cert, "Own certificate");
  set->add_option("--tls-key", o->context.tls_key, "The key of --tls-cert");
  set->add_option("--lang", o->context.language, "Language of texts")
      ->check(CLI::IsMember({"id", "en"}));
  named(add("use", "Make one the current one", [o] { return Use(*o); }));
  named(add("delete", "Forget one", [o] { return Delete(*o); }));
}

}  // namespace mitra::cli
