// Measures the hashing embedder on a public task: the title of a KBLI 2015
// class finds the description of the same class of KBLI 2020.
//
// Reads kbli/ under MITRA_SHARED_DATA, by default ../shared/data beside the
// source tree; skipped where that is absent. Word BM25 reaches Hit@10 .885 on
// this task (Robertson/Zaragoza, k1 = 1.2, b = .75); hashing into 128 numbers
// cannot, and need not: search fuses both.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/embedding/hashing_embedder.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace mitra::embedding {
namespace {

std::string DataFolder() {
  if (const char* folder = std::getenv("MITRA_SHARED_DATA")) return folder;
  const char* source = std::getenv("MITRA_SOURCE_DIR");
  return absl::StrCat(source == nullptr ? "." : source, "/../shared/data");
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// Rows of RFC 4180 CSV.
std::vector<std::vector<std::string>> ParseCsv(const std::string& text) {
  std::vector<std::vector<std::string>> rows(1, std::vector<std::string>(1));
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      if (quoted && i + 1 < text.size() && text[i + 1] == '"') {
        rows.back().back() += text[++i];
      } else {
        quoted = !quoted;
      }
    } else if (c == ',' && !quoted) {
      rows.back().emplace_back();
    } else if (c == '\n' && !quoted) {
      rows.emplace_back(1);
    } else if (c != '\r' || quoted) {
      rows.back().back() += c;
    }
  }
  return rows;
}

struct Task {
  std::vector<std::string> documents;
  // A query and the index of its document.
  std::vector<std::pair<std::string, size_t>> queries;
};

Task LoadTask(const std::string& folder) {
  Task task;
  absl::flat_hash_map<std::string, size_t> document_of;
  const auto classes = nlohmann::json::parse(
      ReadFile(folder + "/kbli/kbli_kelompok.json"), nullptr, false);
  if (!classes.is_array()) return task;
  for (const auto& item : classes) {
    document_of[item["code"].get<std::string>()] = task.documents.size();
    task.documents.push_back(item["desc"].get<std::string>());
  }
  for (const auto& row : ParseCsv(ReadFile(folder + "/kbli/kbli-2015.csv"))) {
    if (row.size() < 3 || row[1].size() != 5) continue;
    const auto found = document_of.find(row[1]);
    if (found != document_of.end()) {
      task.queries.emplace_back(row[2], found->second);
    }
  }
  return task;
}

// Shares of queries whose document is among the first 1 and the first 10; ties
// go to the earlier document.
std::pair<double, double> HitRates(const Task& task, const Embedder& embedder) {
  const size_t d = embedder.dimension();
  std::vector<float> documents(task.documents.size() * d);
  for (size_t i = 0; i < task.documents.size(); ++i) {
    embedder.Embed(task.documents[i],
                   absl::MakeSpan(documents).subspan(i * d, d));
  }
  const auto score = [&](const std::vector<float>& query, size_t i) {
    float sum = 0;
    for (size_t k = 0; k < d; ++k) sum += query[k] * documents[i * d + k];
    return sum;
  };
  std::vector<float> query(d);
  int first = 0, ten = 0;
  for (const auto& [text, wanted] : task.queries) {
    embedder.Embed(text, absl::MakeSpan(query));
    const float mine = score(query, wanted);
    int before = 0;
    for (size_t i = 0; i < task.documents.size() && before < 10; ++i) {
      const float other = score(query, i);
      if (other > mine || (other == mine && i < wanted)) ++before;
    }
    first += before < 1;
    ten += before < 10;
  }
  const auto queries = static_cast<double>(task.queries.size());
  return {first / queries, ten / queries};
}

TEST(EmbeddingQualityTest, TitlesFindDescriptionsOfTheNextEdition) {
  const Task task = LoadTask(DataFolder());
  if (task.queries.empty()) {
    std::printf("ALL TESTS SKIPPED: no kbli/ in %s\n", DataFolder().c_str());
    GTEST_SKIP() << "no data";
  }
  ASSERT_EQ(task.queries.size(), 1457);

  // Bars are the measured rates less the noise of another hash (.015).
  const struct {
    size_t dimension;
    double hit10_bar;
  } kRows[] = {{128, .77}, {256, .80}, {512, .83}};
  for (const auto& row : kRows) {
    auto embedder = HashingEmbedder::Create(row.dimension);
    ASSERT_TRUE(embedder.ok()) << embedder.status();

    const auto [hit1, hit10] = HitRates(task, **embedder);

    std::printf(
        "KBLI title 2015 -> description 2020, d=%zu: "
        "Hit@1 %.3f Hit@10 %.3f\n",
        row.dimension, hit1, hit10);
    EXPECT_GE(hit10, row.hit10_bar) << "d=" << row.dimension;
  }
}

}  // namespace
}  // namespace mitra::embedding
