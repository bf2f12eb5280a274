// How fast profiles are embedded: both sides of a facet, about 200 bytes each.

#include <cstdlib>
#include <vector>

#include "benchmark/benchmark.h"
#include "common/embedding/hashing_embedder.h"
#include "mitra/v1/need_offer.pb.h"

namespace mitra::embedding {
namespace {

constexpr absl::string_view kNeed =
    "Kami mencari pemasok tepung terigu protein tinggi dan gula aren untuk "
    "produksi roti, sekitar 500 kg per bulan, dengan pembayaran 30 hari. Juga "
    "membutuhkan pendampingan untuk sertifikat halal dan perluasan pasar.";
constexpr absl::string_view kOffer =
    "Roti manis, roti tawar dan kue kering untuk toko, kantin sekolah dan "
    "acara; pesanan di atas 200 buah mendapat potongan harga. Siap bekerja "
    "sama dengan usaha kopi di sekitar Surakarta dan Sukoharjo, kirim harian.";

FacetText Side(absl::string_view text) {
  FacetText facet;
  facet.texts = {{text, 1}};
  facet.sectors = {{"10710", 1}};
  facet.resources = {{v1::RESOURCE_RAW_MATERIAL, 1}};
  return facet;
}

void BM_ProfileBothSides(benchmark::State& state) {
  auto embedder = HashingEmbedder::Create(state.range(0));
  if (!embedder.ok()) std::abort();
  const FacetText need = Side(kNeed);
  const FacetText offer = Side(kOffer);
  std::vector<float> out(state.range(0));
  for ([[maybe_unused]] auto _ : state) {
    (*embedder)->EmbedFacet(need, absl::MakeSpan(out));
    benchmark::DoNotOptimize(out.data());
    (*embedder)->EmbedFacet(offer, absl::MakeSpan(out));
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ProfileBothSides)->Arg(128)->Arg(512);

}  // namespace
}  // namespace mitra::embedding

BENCHMARK_MAIN();
