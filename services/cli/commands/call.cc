// call: any method, JSON in and out.

#include <google/protobuf/util/json_util.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "services/cli/call/generic_call.h"
#include "services/cli/call/method_finder.h"
#include "services/cli/commands/commands.h"

namespace mitra::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;

struct Options {
  std::string method, body = "{}";
  bool list = false, describe = false;
};

int Fail(const absl::Status& status, int code) {
  std::cerr << "mitra: " << status.message() << "\n";
  return code;
}

std::string TypeOf(const FieldDescriptor& field) {
  std::string type =
      field.message_type() != nullptr ? field.message_type()->name()
      : field.enum_type() != nullptr  ? field.enum_type()->name()
                                      : std::string(field.type_name());
  return field.is_repeated() ? absl::StrCat(type, "[]") : type;
}

void DescribeMessage(const char* title, const Descriptor& type) {
  std::cout << title << " " << type.full_name() << "\n";
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    std::cout << "  " << field.json_name() << ": " << TypeOf(field) << "\n";
    const auto* words = field.enum_type();
    for (int v = 1; words != nullptr && v < words->value_count(); ++v) {
      std::cout << "    " << words->value(v)->name() << "\n";
    }
  }
}

// Messages of a request: one, or, for methods that take a stream, one for each
// line of standard input.
class Requests {
 public:
  Requests(const MethodDescriptor& method, MethodFinder& finder,
           const std::string& body)
      : method_(method), finder_(finder), body_(body) {}

  std::optional<std::string> Next() {
    std::string json;
    if (method_.client_streaming() && body_ == "-") {
      do {
        if (!std::getline(std::cin, json)) return std::nullopt;
        ++line_;
      } while (absl::StripAsciiWhitespace(json).empty());
    } else if (sent_ || !status_.ok()) {
      return std::nullopt;
    } else {
      json = body_;
    }
    sent_ = true;
    auto message = finder_.New(*method_.input_type());
    const auto parsed =
        google::protobuf::util::JsonStringToMessage(json, message.get());
    if (parsed.ok()) return message->SerializeAsString();
    status_ = InvalidField(
        line_ == 0 ? std::string("body") : absl::StrCat("line ", line_),
        std::string(parsed.message()));
    return std::nullopt;
  }

  const absl::Status& status() const { return status_; }

 private:
  const MethodDescriptor& method_;
  MethodFinder& finder_;
  const std::string body_;
  absl::Status status_;
  int line_ = 0;
  bool sent_ = false;
};

// "@file" is the file's content, "-" standard input, all else itself.
absl::StatusOr<std::string> ReadBody(const std::string& body,
                                     bool lines_from_stdin) {
  if (body == "-") {
    if (lines_from_stdin) return body;
    return std::string(std::istreambuf_iterator<char>(std::cin), {});
  }
  if (body.empty() || body[0] != '@') return body;
  std::ifstream file(body.substr(1), std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file) return InvalidField(body.substr(1), "cannot be read");
  return text;
}

int Invoke(const Globals& globals, const Options& o) {
  const auto name = FullMethodName(o.method);
  if (!name.ok()) return Fail(name.status(), kUsage);
  const Connection connection(globals);
  MethodFinder finder(connection);
  const auto found = finder.Find(*name);
  if (!found.ok()) return Fail(found.status(), kUsage);
  const MethodDescriptor& method = **found;
  if (o.describe) {
    DescribeMessage(method.client_streaming() ? "takes a stream of" : "takes",
                    *method.input_type());
    DescribeMessage(method.server_streaming() ? "gives a stream of" : "gives",
                    *method.output_type());
    return kOk;
  }
  const auto body = ReadBody(o.body, method.client_streaming());
  if (!body.ok()) return Fail(body.status(), kUsage);
  Requests requests(method, finder, *body);
  const bool streaming = method.client_streaming() || method.server_streaming();
  // Nothing is sent when the only message is wrong.
  std::optional<std::string> first;
  if (!method.client_streaming()) {
    first = requests.Next();
    if (!first) return Fail(requests.status(), kUsage);
  }
  grpc::ClientContext context;
  const bool prepared = streaming ? connection.PrepareStream(context)
                                  : connection.Prepare(context);
  if (!prepared) return kUsage;
  const grpc::Status status = RunGenericCall(
      connection.channel(), context, absl::StrCat("/", *name),
      [&]() -> std::optional<std::string> {
        if (!first) return requests.Next();
        std::optional<std::string> message = std::move(first);
        first.reset();
        return message;
      },
      [&](const std::string& bytes) {
        auto message = finder.New(*method.output_type());
        if (message->ParseFromString(bytes)) PrintMessage(globals, *message);
      });
  if (!requests.status().ok()) return Fail(requests.status(), kUsage);
  return Report(status);
}

}  // namespace

void AddCallCommand(CLI::App& app, const Globals& globals, Action& action) {
  auto o = std::make_shared<Options>();
  auto* call = app.add_subcommand(
      "call",
      "Call any method, JSON in and out; what it takes is asked of the "
      "server.\n"
      "  mitra call Profiles/GetProfile '{\"profileId\": \"umkm-000123\"}'\n"
      "  mitra call Recommendations/Recommend @request.json -o yaml\n"
      "  mitra call Profiles/Import - < rows.ndjson\n"
      "  mitra call Refreshes/StartRefresh --describe");
  call->add_option("method", o->method, "Service/Method");
  call->add_option("body", o->body,
                   "JSON, @file, or - for standard input (streams: a message "
                   "a line)");
  call->add_flag("--list", o->list, "Name all methods");
  call->add_flag("--describe", o->describe, "Say what it takes and gives");
  call->callback([&globals, &action, o] {
    action = [&globals, o] {
      if (o->list) {
        for (const std::string& name : KnownMethods()) {
          std::cout << name << "\n";
        }
        return kOk;
      }
      if (o->method.empty()) {
        std::cerr << "mitra: which method? See mitra call --list\n";
        return kUsage;
      }
      return Invoke(globals, *o);
    };
  });
}

}  // namespace mitra::cli
