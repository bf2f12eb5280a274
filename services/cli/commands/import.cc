#include <atomic>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/status/errors.h"
#include "mitra/v1/profiles_service.grpc.pb.h"
#include "mitra/v1/relations_service.grpc.pb.h"
#include "services/cli/commands/commands.h"
#include "services/cli/input/csv.h"
#include "services/cli/input/line_reader.h"
#include "services/cli/input/row_parser.h"
#include "services/cli/output/progress.h"

namespace mitra::cli {
namespace {

constexpr uint64_t kMaxInFlight = 8192;
constexpr uint64_t kRowsPerPacket = 32;
constexpr size_t kReasonsShown = 20;
constexpr int kRelationThreads = 8;

struct Options {
  std::vector<std::string> files;
  std::string format = "auto";
  std::string kind = "profile";
  bool dry_run = false;
};

// Counts verdicts; shared by the reading and the writing thread.
class Ledger {
 public:
  void Reject(uint64_t row, absl::string_view id, absl::string_view reason) {
    absl::MutexLock lock(&mutex_);
    ++rejected_;
    if (reasons_.size() < kReasonsShown) {
      reasons_.push_back(
          absl::StrCat("line ", row, id.empty() ? "" : ", ", id, ": ", reason));
    }
  }
  void Count(v1::RowVerdict verdict) {
    absl::MutexLock lock(&mutex_);
    ++verdicts_[verdict];
  }
  void Blank(uint64_t n = 1) {
    absl::MutexLock lock(&mutex_);
    blank_ += n;
  }
  uint64_t rejected() const {
    absl::MutexLock lock(&mutex_);
    return rejected_;
  }
  void Print() const {
    absl::MutexLock lock(&mutex_);
    uint64_t accepted = 0;
    std::string detail;
    for (const auto& [verdict, count] : verdicts_) {
      accepted += count;
      absl::StrAppend(&detail, detail.empty() ? "" : ", ", count, " ",
                      absl::AsciiStrToLower(v1::RowVerdict_Name(verdict).substr(
                          sizeof("ROW_VERDICT_") - 1)));
    }
    std::cout << "accepted " << accepted
              << (detail.empty() ? "" : " (" + detail + ")") << ", rejected "
              << rejected_ << ", blank " << blank_ << ", rows "
              << accepted + rejected_ + blank_ << "\n";
    for (const std::string& reason : reasons_) {
      std::cerr << "  rejected " << reason << "\n";
    }
    if (rejected_ > reasons_.size()) {
      std::cerr << "  and " << rejected_ - reasons_.size() << " more\n";
    }
  }

 private:
  mutable absl::Mutex mutex_;
  std::map<v1::RowVerdict, uint64_t> verdicts_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> reasons_ ABSL_GUARDED_BY(mutex_);
  uint64_t rejected_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t blank_ ABSL_GUARDED_BY(mutex_) = 0;
};

// The import stream: one thread writes rows, another takes verdicts.
class Stream {
 public:
  Stream(const Connection& connection, Ledger& ledger, bool dry_run)
      : stub_(v1::Profiles::NewStub(connection.channel())),
        ledger_(ledger),
        dry_run_(dry_run) {
    usable_ = connection.PrepareStream(context_);
    if (!usable_) return;
    stream_ = stub_->Import(&context_);
    reader_ = std::thread([this] { ReadVerdicts(); });
  }

  // False once the stream is broken.
  bool Send(uint64_t row, Row record) {
    if (!usable_) return false;
    v1::ImportRequest request;
    request.set_row(row);
    request.set_validate_only(dry_run_);
    if (auto* profile = std::get_if<v1::Profile>(&record)) {
      request.mutable_profile()->Swap(profile);
    } else {
      request.mutable_evidence()->Swap(&std::get<v1::Evidence>(record));
    }
    // Most rows wait for company, so that a packet carries many.
    grpc::WriteOptions options;
    {
      absl::MutexLock lock(&mutex_);
      const auto room = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return ended_ || sent_ - confirmed_ < kMaxInFlight;
      };
      mutex_.Await(absl::Condition(&room));
      if (ended_) return false;
      ++sent_;
      // Before this thread may wait for verdicts, everything must be on its way.
      if (sent_ % kRowsPerPacket != 0 && sent_ - confirmed_ < kMaxInFlight) {
        options.set_buffer_hint();
      }
    }
    return stream_->Write(request, options);
  }

  grpc::Status Finish() {
    if (!usable_) {
      return {grpc::StatusCode::UNAUTHENTICATED, "the API key cannot be sent"};
    }
    stream_->WritesDone();
    reader_.join();
    return stream_->Finish();
  }

  uint64_t confirmed() const {
    absl::MutexLock lock(&mutex_);
    return confirmed_;
  }
  uint64_t sent() const {
    absl::MutexLock lock(&mutex_);
    return sent_;
  }

 private:
  void ReadVerdicts() {
    v1::ImportResponse response;
    while (stream_->Read(&response)) {
      for (const v1::RowResult& result : response.results()) {
        if (result.verdict() == v1::ROW_VERDICT_REJECTED) {
          ledger_.Reject(result.row(), result.id(), result.status().message());
        } else {
          ledger_.Count(result.verdict());
        }
      }
      absl::MutexLock lock(&mutex_);
      confirmed_ += response.results_size();
    }
    absl::MutexLock lock(&mutex_);
    ended_ = true;
  }

  std::unique_ptr<v1::Profiles::Stub> stub_;
  Ledger& ledger_;
  const bool dry_run_;
  bool usable_ = false;
  grpc::ClientContext context_;
  std::unique_ptr<
      grpc::ClientReaderWriter<v1::ImportRequest, v1::ImportResponse>>
      stream_;
  std::thread reader_;
  mutable absl::Mutex mutex_;
  uint64_t sent_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t confirmed_ ABSL_GUARDED_BY(mutex_) = 0;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

// Consents and blocks, which have calls of their own.
struct Relation {
  uint64_t row = 0;
  Row record;
};

grpc::Status SendRelation(const Connection& connection,
                          v1::Relations::Stub& stub, const Row& record) {
  if (const auto* consent = std::get_if<v1::Consent>(&record)) {
    v1::SetConsentRequest request;
    request.set_profile_id(consent->profile_id());
    request.set_purpose(consent->purpose());
    request.set_granted(consent->granted());
    request.set_receipt_id(consent->receipt_id());
    v1::Consent response;
    return Call(connection, stub, &v1::Relations::Stub::SetConsent, request,
                response);
  }
  const auto& block = std::get<v1::Block>(record);
  v1::CreateBlockRequest request;
  request.set_blocker_id(block.blocker_id());
  request.set_blocked_id(block.blocked_id());
  v1::Block response;
  return Call(connection, stub, &v1::Relations::Stub::CreateBlock, request,
              response);
}

void SendRelations(const Connection& connection,
                   const std::vector<Relation>& relations, Ledger& ledger) {
  std::atomic<size_t> next{0};
  Progress progress("consents and blocks", "rows", relations.size());
  std::vector<std::thread> threads;
  threads.reserve(kRelationThreads);
  for (int t = 0; t < kRelationThreads; ++t) {
    threads.emplace_back([&, t] {
      auto stub = v1::Relations::NewStub(connection.channel());
      for (size_t i = next++; i < relations.size(); i = next++) {
        const grpc::Status status =
            SendRelation(connection, *stub, relations[i].record);
        if (status.ok()) {
          ledger.Count(v1::ROW_VERDICT_UPDATED);
        } else {
          ledger.Reject(relations[i].row, "", status.error_message());
        }
        if (t == 0) progress.Update(i);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  progress.Update(relations.size());
}

class Importer {
 public:
  Importer(const Connection& connection, const Options& options)
      : connection_(connection), options_(options) {}

  int Run() {
    for (const std::string& file : options_.files) {
      const int code = RunFile(file);
      if (code != kOk) return code;
    }
    return failed_ ? kFailed : kOk;
  }

 private:
  bool IsCsv(const std::string& file) const {
    return options_.format == "csv" ||
           (options_.format == "auto" && absl::EndsWith(file, ".csv"));
  }

  int RunFile(const std::string& file) {
    std::ifstream opened;
    if (file != "-") {
      opened.open(file, std::ios::binary);
      if (!opened) {
        std::cerr << "mitra: cannot read " << file << "\n";
        return kUsage;
      }
    }
    std::istream& in = file == "-" ? std::cin : opened;
    Ledger ledger;
    Stream stream(connection_, ledger, options_.dry_run);
    std::vector<Relation> relations;
    grpc::Status status;
    {
      Progress progress("import", "rows", 0);
      const auto take = [&](uint64_t row, absl::StatusOr<Row> record) {
        progress.Update(stream.confirmed());
        if (!record.ok()) {
          ledger.Reject(row, "", record.status().message());
          return true;
        }
        if (std::holds_alternative<v1::Consent>(*record) ||
            std::holds_alternative<v1::Block>(*record)) {
          if (options_.dry_run) {
            ledger.Count(v1::ROW_VERDICT_UNCHANGED);
          } else {
            relations.push_back({row, *std::move(record)});
          }
          return true;
        }
        return stream.Send(row, *std::move(record));
      };
      const absl::Status read =
          IsCsv(file) ? ReadCsv(in, ledger, take) : ReadLines(in, ledger, take);
      status = stream.Finish();
      progress.Update(stream.confirmed());
      if (!read.ok()) {
        std::cerr << "mitra: " << file << ": " << read.message() << "\n";
        failed_ = true;
      }
    }
    if (status.ok()) SendRelations(connection_, relations, ledger);
    ledger.Print();
    if (!status.ok()) {
      std::cerr << "mitra: the stream broke; " << stream.confirmed() << " of "
                << stream.sent()
                << " rows are confirmed. Importing the file again is safe.\n";
      return Report(status);
    }
    failed_ = failed_ || ledger.rejected() > 0;
    return kOk;
  }

  template <typename Take>
  static absl::Status ReadLines(std::istream& in, Ledger& ledger, Take take) {
    LineReader lines(in);
    for (;;) {
      auto more = lines.Next();
      if (!more.ok()) return more.status();
      if (!*more) return absl::OkStatus();
      if (lines.blank()) {
        ledger.Blank();
      } else if (lines.too_long()) {
        ledger.Reject(lines.number(), "", "the line is longer than 1 MiB");
      } else if (!take(lines.number(), ParseJsonRow(lines.line()))) {
        return absl::OkStatus();  // the stream tells why
      }
    }
  }

  template <typename Take>
  absl::Status ReadCsv(std::istream& in, Ledger& ledger, Take take) const {
    LineReader lines(in);
    CsvReader csv(lines);
    auto more = csv.Next();
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    auto schema =
        CsvSchema::FromHeader(csv.cells(), options_.kind == "evidence");
    if (!schema.ok()) return schema.status();
    for (;;) {
      more = csv.Next();
      if (!more.ok()) {
        ledger.Reject(csv.first_line(), "", more.status().message());
        continue;
      }
      if (!*more) break;
      if (!take(csv.first_line(), schema->ParseRecord(csv.cells()))) break;
    }
    ledger.Blank(csv.blank_lines());
    return absl::OkStatus();
  }

  const Connection& connection_;
  const Options& options_;
  bool failed_ = false;
};

}  // namespace

void AddImportCommand(CLI::App& app, const Globals& globals, Action& action) {
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "import",
      "Import members, evidence, consents and blocks.\n"
      "  mitra import sample.ndjson   mitra import members.csv");
  command->add_option("files", options->files, "Files; - for standard input")
      ->required();
  command->add_option("--format", options->format, "ndjson, csv or auto")
      ->check(CLI::IsMember({"auto", "ndjson", "csv"}));
  command->add_option("--kind", options->kind, "What a CSV file holds")
      ->check(CLI::IsMember({"profile", "evidence"}));
  command->add_flag("--dry-run", options->dry_run, "Check, store nothing");
  command->callback([options, &globals, &action] {
    action = [options, &globals] {
      const Connection connection(globals);
      return Importer(connection, *options).Run();
    };
  });
}

}  // namespace mitra::cli
