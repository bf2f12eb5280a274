#include "services/cli/sample/network.h"

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/random.h"
#include "common/taxonomy/region.h"
#include "services/cli/sample/trade.h"

namespace mitra::cli {
namespace {

// Regencies with many small businesses, on several islands.
constexpr std::array<absl::string_view, 16> kRegencies = {
    "33.72", "33.11", "33.75", "34.71", "34.04", "32.73", "32.04", "35.78",
    "35.73", "35.79", "31.74", "36.74", "12.71", "13.71", "51.71", "73.71"};

constexpr std::array<absl::string_view, 40> kFirstNames = {
    "Siti",    "Budi",   "Dewi",     "Agus",   "Sri",   "Joko",   "Rina",
    "Hendra",  "Ayu",    "Bambang",  "Wati",   "Dedi",  "Yuni",   "Eko",
    "Lestari", "Andi",   "Ratna",    "Rudi",   "Nur",   "Slamet", "Indah",
    "Wahyu",   "Fitri",  "Arif",     "Endang", "Teguh", "Maya",   "Iwan",
    "Kartika", "Bayu",   "Sulastri", "Made",   "Ketut", "Putri",  "Rizky",
    "Hasan",   "Aminah", "Tono",     "Mega",   "Galih"};
constexpr std::array<absl::string_view, 24> kLastNames = {
    "Santoso", "Wijaya",  "Lestari", "Pratama",   "Hidayat",   "Susanti",
    "Nugroho", "Rahayu",  "Saputra", "Kurniawan", "Handayani", "Setiawan",
    "Utami",   "Siregar", "Gunawan", "Maharani",  "Wibowo",    "Nasution",
    "Suryani", "Permata", "Hakim",   "Purnomo",   "Anggraini", "Firmansyah"};
constexpr std::array<absl::string_view, 14> kWishes = {
    "Makmur",  "Berkah",  "Jaya",      "Sejahtera", "Lestari",
    "Mandiri", "Sentosa", "Abadi",     "Barokah",   "Rejeki",
    "Bersama", "Utama",   "Nusantara", "Asri"};

struct Cluster {
  size_t trade = 0;
  absl::string_view regency;
  std::vector<uint32_t> businesses;
  std::vector<uint32_t> mentors;
  std::vector<uint32_t> suppliers;
  std::vector<uint32_t> groups;
};

class Builder {
 public:
  Builder(const SampleOptions& options, const SampleSink& sink)
      : options_(options), sink_(sink), random_(options.seed) {
    for (absl::string_view regency : kRegencies) {
      std::vector<std::string> districts;
      const auto range = taxonomy::RegionsUnder(regency);
      for (auto i = range.begin; i < range.end; ++i) {
        const absl::string_view code = taxonomy::RegionCodeAt(i);
        if (taxonomy::RegionLevel(code) == 3) districts.emplace_back(code);
      }
      if (districts.empty()) districts.emplace_back(regency);
      districts_.push_back(std::move(districts));
      for (size_t trade = 0; trade < Trades().size(); ++trade) {
        clusters_.push_back({trade, regency, {}, {}, {}, {}});
      }
    }
    city_.resize(kRegencies.size());
  }

  void Run() {
    for (uint64_t i = 0; i < options_.members; ++i) AddMember();
    if (ids_.size() >= 2) {
      for (uint64_t i = 0; i < options_.evidence; ++i) AddEvidence(i);
    }
    for (const std::string& id : ids_) AddConsents(id);
  }

 private:
  template <typename Range>
  auto Pick(const Range& range) {
    return range[random_.Below(range.size())];
  }

  // Trades are popular by their place in a shuffled order of the regency, so
  // each city has its own specialities.
  Cluster& PickCluster() {
    const size_t regency = random_.Below(kRegencies.size());
    const double skew = std::pow(random_.Double(), 2.2);
    const size_t trades = Trades().size();
    const size_t place =
        static_cast<size_t>(skew * static_cast<double>(trades)) % trades;
    return clusters_[regency * trades + (place + regency * 7) % trades];
  }

  size_t CityOf(const Cluster& cluster) const {
    return (&cluster - clusters_.data()) / Trades().size();
  }

  std::string PersonName() {
    return absl::StrCat(Pick(kFirstNames), " ", Pick(kLastNames));
  }

  v1::Profile& Begin(absl::string_view prefix, v1::MemberKind kind,
                     const Cluster& cluster) {
    profile_.Clear();
    profile_.set_profile_id(absl::StrFormat("%s-%06d", prefix, ids_.size()));
    profile_.set_kind(kind);
    profile_.set_region_code(Pick(districts_[CityOf(cluster)]));
    profile_.add_languages("id");
    if (cluster.regency[0] == '3' && random_.Chance(.4)) {
      profile_.add_languages(cluster.regency.substr(0, 2) == "32" ? "su"
                                                                  : "jv");
    }
    if (random_.Chance(.08)) profile_.add_languages("en");
    return profile_;
  }

  void AddSector(absl::string_view code) {
    v1::Sector& sector = *profile_.add_sectors();
    sector.set_code(std::string(code));
    sector.set_edition(v1::KBLI_EDITION_2020);
  }

  static void SetSector(v1::Sector* sector, absl::string_view code) {
    sector->set_code(std::string(code));
    sector->set_edition(v1::KBLI_EDITION_2020);
  }

  void SetTime(google::protobuf::Timestamp* to, absl::Duration from_now) {
    to->set_seconds(absl::ToUnixSeconds(options_.now + from_now));
  }

  v1::Need& AddNeed(v1::Facet& facet, v1::Resource resource, std::string text) {
    v1::Need& need = *facet.add_needs();
    need.set_need_id(absl::StrCat("n", facet.needs_size()));
    need.set_resource(resource);
    need.set_text(std::move(text));
    return need;
  }

  v1::Offer& AddOffer(v1::Facet& facet, v1::Resource resource,
                      std::string text) {
    v1::Offer& offer = *facet.add_offers();
    offer.set_offer_id(absl::StrCat("o", facet.offers_size()));
    offer.set_resource(resource);
    offer.set_text(std::move(text));
    return offer;
  }

  v1::Facet& AddFacet(v1::Role role) {
    v1::Facet& facet = *profile_.add_facets();
    facet.set_role(role);
    return facet;
  }

  void AddNorm(v1::NormKind kind, double verified) {
    v1::Norm& norm = *profile_.add_norms();
    norm.set_kind(kind);
    norm.set_status(random_.Chance(verified) ? v1::NORM_STATUS_VERIFIED
                                             : v1::NORM_STATUS_DECLARED);
    if (norm.status() == v1::NORM_STATUS_VERIFIED) {
      norm.set_verifier("Dinas Koperasi dan UKM");
    }
    SetTime(norm.mutable_valid_from_time(),
            -absl::Hours(24 * random_.Between(30, 900)));
    if (kind == v1::NORM_KIND_SPP_IRT) {
      SetTime(norm.mutable_valid_to_time(),
              absl::Hours(24 * random_.Between(60, 900)));
    }
  }

  uint32_t Emit() {
    const auto index = static_cast<uint32_t>(ids_.size());
    ids_.push_back(profile_.profile_id());
    sink_.profile(profile_);
    return index;
  }

  // Shares of roles by chance; at least one of each among the first members.
  void AddMember() {
    const size_t n = ids_.size();
    Cluster& cluster = PickCluster();
    const double roll = random_.Double();
    if (n < 12) return AddSpecial(static_cast<int>(n), cluster);
    if (roll < .040) return AddMentor(cluster);
    if (roll < .080) return AddSupplier(cluster);
    if (roll < .092) return AddGroup(cluster);
    if (roll < .100) return AddSpecial(2, cluster);  // investor
    if (roll < .108) return AddSpecial(3, cluster);  // enterprise
    if (roll < .112) return AddSpecial(4, cluster);  // government
    if (roll < .118) return AddSpecial(5, cluster);  // education
    if (roll < .126) return AddSpecial(6, cluster);  // event
    if (roll < .131) return AddSpecial(7, cluster);  // programme
    if (roll < .143) return AddSpecial(8, cluster);  // facilitator
    if (roll < .146) return AddRing(cluster);
    AddBusiness(cluster);
  }

  void AddSpecial(int which, Cluster& cluster) {
    switch (which) {
      case 0:
        return AddMentor(cluster);
      case 1:
        return AddSupplier(cluster);
      case 2:
        return AddInvestor(cluster);
      case 3:
        return AddEnterprise(cluster);
      case 4:
        return AddAgency(cluster);
      case 5:
        return AddCampus(cluster);
      case 6:
        return AddEvent(cluster);
      case 7:
        return AddProgramme(cluster);
      case 8:
        return AddFacilitator(cluster);
      case 9:
        return AddGroup(cluster);
      default:
        return AddBusiness(cluster);
    }
  }

  void AddBusiness(Cluster& cluster) {
    const Trade& trade = Trades()[cluster.trade];
    Begin("umkm", v1::MEMBER_KIND_BUSINESS, cluster);
    profile_.set_display_name(absl::StrCat(
        Pick(trade.brands), " ", Pick(kFirstNames), " ", Pick(kWishes)));
    const absl::string_view product = Pick(trade.products);
    profile_.set_about(absl::StrCat("Usaha ", trade.name, " rumahan, membuat ",
                                    product, " dan ", Pick(trade.products),
                                    "."));
    AddSector(trade.sector);
    const double size = random_.Double();
    profile_.set_scale(size < .85   ? v1::SCALE_MICRO
                       : size < .98 ? v1::SCALE_SMALL
                                    : v1::SCALE_MEDIUM);
    v1::Facet& facet = AddFacet(v1::ROLE_BUSINESS);
    facet.set_headline(absl::StrCat("Produsen ", product));
    v1::Need& material =
        AddNeed(facet, v1::RESOURCE_RAW_MATERIAL,
                absl::StrCat("Mencari pemasok ", Pick(trade.materials), " dan ",
                             Pick(trade.materials), " yang rutin"));
    material.mutable_quantity()->set_amount(
        static_cast<double>(10 * random_.Between(1, 50)));
    material.mutable_quantity()->set_unit("kg");
    if (random_.Chance(.7)) {
      AddNeed(facet, v1::RESOURCE_MENTORING,
              absl::StrCat("Ingin belajar ", Pick(trade.skills)));
    }
    if (random_.Chance(.35)) {
      v1::Need& capital = AddNeed(facet, v1::RESOURCE_CAPITAL,
                                  "Modal untuk menambah alat produksi");
      capital.mutable_money()->set_currency_code("IDR");
      capital.mutable_money()->set_units(1'000'000 * random_.Between(5, 200));
    }
    if (random_.Chance(.5)) {
      AddNeed(facet, v1::RESOURCE_OPPORTUNITY,
              absl::StrCat("Mencari pembeli tetap untuk ", product));
    }
    if (trade.food && random_.Chance(.25)) {
      AddNeed(facet, v1::RESOURCE_LICENCE_HELP,
              "Butuh bantuan mengurus sertifikat halal dan SPP-IRT");
    }
    AddOffer(facet, v1::RESOURCE_OPPORTUNITY,
             absl::StrCat("Menjual ", product, " dan ", Pick(trade.products)));
    if (random_.Chance(.4)) {
      AddOffer(facet, v1::RESOURCE_COLLABORATION,
               absl::StrCat("Siap kerja sama produksi ", trade.name));
    }
    if (trade.food && random_.Chance(.3)) AddNorm(v1::NORM_KIND_HALAL, .5);
    if (trade.food && random_.Chance(.25)) AddNorm(v1::NORM_KIND_SPP_IRT, .6);
    if (random_.Chance(.1)) AddNorm(v1::NORM_KIND_PAYMENT_TERMS, .2);
    if (random_.Chance(.07)) AddNorm(v1::NORM_KIND_ETHICS_PLEDGE, .2);
    cluster.businesses.push_back(Emit());
  }

  void AddMentor(Cluster& cluster) {
    const Trade& trade = Trades()[cluster.trade];
    Begin("mentor", v1::MEMBER_KIND_PERSON, cluster);
    profile_.set_display_name(PersonName());
    profile_.set_about(absl::StrCat("Pelaku usaha ", trade.name, " selama ",
                                    random_.Between(6, 30),
                                    " tahun, senang berbagi."));
    AddSector(trade.sector);
    v1::Facet& facet = AddFacet(v1::ROLE_MENTOR);
    facet.set_headline(absl::StrCat("Mentor ", trade.name));
    AddOffer(facet, v1::RESOURCE_MENTORING,
             absl::StrCat("Bimbingan usaha ", trade.name, ": ",
                          Pick(trade.skills), ", ", Pick(trade.skills)));
    if (random_.Chance(.3)) {
      AddOffer(facet, v1::RESOURCE_KNOWLEDGE,
               absl::StrCat("Panduan ", Pick(trade.skills)));
    }
    if (random_.Chance(.5)) {
      AddNeed(facet, v1::RESOURCE_COLLABORATION,
              absl::StrCat("Mencari pelaku ", trade.name,
                           " yang tekun untuk dibimbing"));
    }
    facet.mutable_seats()->set_total(
        static_cast<uint32_t>(random_.Between(1, 5)));
    if (random_.Chance(.3)) facet.mutable_seats()->set_taken_elsewhere(1);
    if (random_.Chance(.15)) {
      facet.mutable_acceptance()->add_region_codes(
          std::string(cluster.regency.substr(0, 2)));
    }
    if (random_.Chance(.15)) {
      v1::Facet& business = AddFacet(v1::ROLE_BUSINESS);
      AddOffer(business, v1::RESOURCE_OPPORTUNITY,
               absl::StrCat("Menjual ", Pick(trade.products)));
    }
    cluster.mentors.push_back(Emit());
  }

  void AddSupplier(Cluster& cluster) {
    const Trade& trade = Trades()[cluster.trade];
    Begin("pemasok", v1::MEMBER_KIND_BUSINESS, cluster);
    const absl::string_view material = Pick(trade.materials);
    profile_.set_display_name(
        absl::StrCat("Toko Bahan ", Pick(kWishes), " ", Pick(kLastNames)));
    profile_.set_about(absl::StrCat("Pemasok ", material, " dan ",
                                    Pick(trade.materials), " untuk usaha ",
                                    trade.name, "."));
    AddSector(trade.supplier_sector);
    profile_.set_scale(random_.Chance(.5) ? v1::SCALE_SMALL : v1::SCALE_MEDIUM);
    v1::Facet& facet = AddFacet(v1::ROLE_SUPPLIER);
    facet.set_headline(absl::StrCat("Pemasok ", material));
    v1::Offer& offer = AddOffer(
        facet, v1::RESOURCE_RAW_MATERIAL,
        absl::StrCat("Menjual ", material, " dan ", Pick(trade.materials),
                     ", kirim ke pelaku ", trade.name));
    SetSector(offer.add_sectors(), trade.sector);
    offer.mutable_quantity()->set_amount(
        static_cast<double>(100 * random_.Between(1, 100)));
    offer.mutable_quantity()->set_unit("kg");
    AddNeed(facet, v1::RESOURCE_OPPORTUNITY,
            absl::StrCat("Mencari pelanggan tetap usaha ", trade.name));
    if (random_.Chance(.4)) AddNorm(v1::NORM_KIND_PAYMENT_TERMS, .5);
    cluster.suppliers.push_back(Emit());
  }

  void AddGroup(Cluster& cluster) {
    const Trade& trade = Trades()[cluster.trade];
    Begin("koperasi", v1::MEMBER_KIND_GROUP, cluster);
    profile_.set_display_name(absl::StrCat(
        random_.Chance(.6) ? "Koperasi " : "Sentra ", trade.name, " ",
        Pick(kWishes), " ", taxonomy::RegionName(cluster.regency)));
    profile_.set_about(absl::StrCat("Wadah pelaku ", trade.name, " di ",
                                    taxonomy::RegionName(cluster.regency),
                                    "."));
    AddSector(trade.sector);
    v1::Facet& facet = AddFacet(v1::ROLE_COMMUNITY);
    AddOffer(
        facet, v1::RESOURCE_COLLABORATION,
        absl::StrCat("Belanja bahan bersama dan pesanan bersama ", trade.name));
    AddOffer(facet, v1::RESOURCE_KNOWLEDGE,
             absl::StrCat("Temu anggota bulanan tentang ", Pick(trade.skills)));
    AddNeed(facet, v1::RESOURCE_COLLABORATION,
            absl::StrCat("Mencari anggota baru pelaku ", trade.name));
    cluster.groups.push_back(Emit());
  }

  void AddInvestor(Cluster& cluster) {
    const Trade& trade = Trades()[cluster.trade];
    Begin("modal", v1::MEMBER_KIND_ORGANISATION, cluster);
    profile_.set_display_name(
        absl::StrCat("Modal ", Pick(kWishes), " ", Pick(kLastNames)));
    AddSector("64200");
    v1::Facet& facet = AddFacet(v1::ROLE_INVESTOR);
    v1::Offer& offer =
        AddOffer(facet, v1::RESOURCE_CAPITAL,
                 absl::StrCat("Modal kerja untuk usaha ", trade.name,
                              ", bagi hasil, tanpa agunan"));
    SetSector(offer.add_sectors(), trade.sector);
    offer.mutable_money()->set_currency_code("IDR");
    offer.mutable_money()->set_units(int64_t{1'000'000} *
                                     random_.Between(10, 500));
    offer.mutable_term()->set_seconds(int64_t{86'400} * 30 *
                                      random_.Between(6, 36));
    AddNeed(facet, v1::RESOURCE_OPPORTUNITY,
            absl::StrCat("Mencari usaha ", trade.name, " yang bertumbuh"));
    city_[CityOf(cluster)].push_back(Emit());
  }

  void AddEnterprise(Cluster& cluster) {
    const Trade& trade = Trades()[cluster.trade];
    Begin("perusahaan", v1::MEMBER_KIND_BUSINESS, cluster);
    profile_.set_display_name(
        absl::StrCat("PT ", Pick(kLastNames), " ", Pick(kWishes), " Tbk"));
    profile_.set_scale(v1::SCALE_LARGE);
    AddSector(trade.sector);
    v1::Facet& facet = AddFacet(v1::ROLE_ENTERPRISE);
    AddNeed(facet, v1::RESOURCE_RAW_MATERIAL,
            absl::StrCat("Membeli ", Pick(trade.products), " dari UMKM"));
    AddNeed(facet, v1::RESOURCE_COLLABORATION,
            absl::StrCat("Mencari mitra produksi ", trade.name));
    AddOffer(facet, v1::RESOURCE_OPPORTUNITY,
             absl::StrCat("Kontrak pembelian ", Pick(trade.products)));
    AddOffer(facet, v1::RESOURCE_TRAINING, "Pelatihan mutu untuk pemasok");
    AddNorm(v1::NORM_KIND_BPJS_TK, 1);
    city_[CityOf(cluster)].push_back(Emit());
  }

  void AddAgency(Cluster& cluster) {
    Begin("dinas", v1::MEMBER_KIND_ORGANISATION, cluster);
    profile_.set_display_name(absl::StrCat(
        "Dinas Koperasi dan UKM ", taxonomy::RegionName(cluster.regency),
        " Bidang ", Pick(kWishes)));
    AddSector("84111");
    v1::Facet& facet = AddFacet(v1::ROLE_GOVERNMENT);
    AddOffer(facet, v1::RESOURCE_LICENCE_HELP,
             "Bantuan mengurus NIB, SPP-IRT dan sertifikat halal");
    AddOffer(facet, v1::RESOURCE_INFRASTRUCTURE, "Rumah kemasan bersama");
    AddNeed(facet, v1::RESOURCE_COLLABORATION,
            "Mencari UMKM untuk dibina dan ikut pameran");
    city_[CityOf(cluster)].push_back(Emit());
  }

  void AddCampus(Cluster& cluster) {
    const Trade& trade = Trades()[cluster.trade];
    Begin("kampus", v1::MEMBER_KIND_ORGANISATION, cluster);
    profile_.set_display_name(
        absl::StrCat("Politeknik ", Pick(kWishes), " ",
                     taxonomy::RegionName(cluster.regency)));
    AddSector("85321");
    v1::Facet& facet = AddFacet(v1::ROLE_EDUCATION);
    AddOffer(facet, v1::RESOURCE_TRAINING,
             absl::StrCat("Pelatihan ", Pick(trade.skills)));
    AddOffer(facet, v1::RESOURCE_KNOWLEDGE,
             absl::StrCat("Riset terapan ", trade.name));
    AddNeed(facet, v1::RESOURCE_COLLABORATION,
            absl::StrCat("Mencari UMKM ", trade.name, " untuk magang"));
    city_[CityOf(cluster)].push_back(Emit());
  }

  void AddEvent(Cluster& cluster) {
    const Trade& trade = Trades()[cluster.trade];
    Begin("acara", v1::MEMBER_KIND_EVENT, cluster);
    profile_.set_display_name(absl::StrCat(
        "Temu Usaha ", trade.name, " ", taxonomy::RegionName(cluster.regency)));
    AddSector(trade.sector);
    const int days = static_cast<int>(random_.Between(5, 120));
    SetTime(profile_.mutable_event()->mutable_start_time(),
            absl::Hours(24 * days));
    SetTime(profile_.mutable_event()->mutable_end_time(),
            absl::Hours(24 * days + 8));
    v1::Facet& facet = AddFacet(v1::ROLE_COMMUNITY);
    AddOffer(facet, v1::RESOURCE_KNOWLEDGE,
             absl::StrCat("Lokakarya ", Pick(trade.skills)));
    AddOffer(facet, v1::RESOURCE_OPPORTUNITY,
             absl::StrCat("Bertemu pembeli ", Pick(trade.products)));
    facet.mutable_seats()->set_total(
        static_cast<uint32_t>(random_.Between(20, 200)));
    city_[CityOf(cluster)].push_back(Emit());
  }

  void AddProgramme(Cluster& cluster) {
    const Trade& trade = Trades()[cluster.trade];
    Begin("program", v1::MEMBER_KIND_PROGRAMME, cluster);
    profile_.set_display_name(absl::StrCat("Program UMKM Naik Kelas ",
                                           trade.name, " ", Pick(kWishes)));
    AddSector(trade.sector);
    SetTime(profile_.mutable_programme()->mutable_intake_start_time(),
            -absl::Hours(24 * 20));
    SetTime(profile_.mutable_programme()->mutable_intake_end_time(),
            absl::Hours(24 * random_.Between(10, 90)));
    v1::Facet& facet = AddFacet(v1::ROLE_ENTERPRISE);
    AddOffer(facet, v1::RESOURCE_TRAINING,
             absl::StrCat("Pelatihan dan pendampingan ", trade.name));
    AddOffer(facet, v1::RESOURCE_CAPITAL, "Hibah alat produksi");
    facet.mutable_seats()->set_total(
        static_cast<uint32_t>(random_.Between(10, 60)));
    city_[CityOf(cluster)].push_back(Emit());
  }

  void AddFacilitator(Cluster& cluster) {
    Begin("pendamping", v1::MEMBER_KIND_PERSON, cluster);
    profile_.set_display_name(PersonName());
    profile_.set_about("Pendamping UMKM bersertifikat.");
    AddSector(Trades()[cluster.trade].sector);
    v1::Facet& facet = AddFacet(v1::ROLE_FACILITATOR);
    AddOffer(facet, v1::RESOURCE_LICENCE_HELP,
             "Pendamping proses produk halal dan perizinan");
    AddOffer(facet, v1::RESOURCE_KNOWLEDGE, "Pencatatan keuangan sederhana");
    facet.mutable_seats()->set_total(
        static_cast<uint32_t>(random_.Between(5, 30)));
    city_[CityOf(cluster)].push_back(Emit());
  }

  // A made-up account; the ring praises itself in AddEvidence.
  void AddRing(Cluster& cluster) {
    const Trade& trade = Trades()[cluster.trade];
    Begin("mentor", v1::MEMBER_KIND_PERSON, cluster);
    profile_.set_display_name(PersonName());
    profile_.set_about("Ahli segala bidang usaha, dijamin sukses.");
    AddSector(trade.sector);
    v1::Facet& facet = AddFacet(v1::ROLE_MENTOR);
    AddOffer(facet, v1::RESOURCE_MENTORING,
             absl::StrCat("Bimbingan cepat kaya ", trade.name));
    facet.mutable_seats()->set_total(50);
    ring_.push_back(Emit());
  }

  void Evidence(uint64_t number, uint32_t author, uint32_t about,
                v1::EvidenceKind kind, double quality) {
    evidence_.Clear();
    evidence_.set_evidence_id(absl::StrFormat("ev-%08d", number));
    evidence_.set_author_id(ids_[author]);
    evidence_.set_about_id(ids_[about]);
    evidence_.set_kind(kind);
    // More of it is recent.
    const double age_days = 900 * random_.Double() * random_.Double();
    SetTime(evidence_.mutable_event_time(),
            -absl::Seconds(static_cast<int64_t>(86'400 * (1 + age_days))));
    if (quality >= 0) evidence_.set_quality(quality);
    sink_.evidence(evidence_);
  }

  void AddEvidence(uint64_t number) {
    const double roll = random_.Double();
    if (roll < .01 && ring_.size() >= 2) {
      const auto [a, b] = TwoOf(ring_, ring_);
      if (a != b) {
        return Evidence(number, a, b, v1::EVIDENCE_KIND_ENDORSEMENT, 1);
      }
    }
    if (roll < .06 || !TieInCluster(number)) TieAcross(number);
  }

  std::pair<uint32_t, uint32_t> TwoOf(const std::vector<uint32_t>& from,
                                      const std::vector<uint32_t>& to) {
    // Squared: some members take part more than others.
    const auto skewed = [&](const std::vector<uint32_t>& list) {
      const double u = random_.Double();
      return list[static_cast<size_t>(u * u *
                                      static_cast<double>(list.size()))];
    };
    const uint32_t a = skewed(from);
    return {a, skewed(to)};
  }

  double Rating(uint32_t about) {
    // A few bad apples: one in fifty members disappoints.
    if (about % 50 == 17) return .1 + .3 * random_.Double();
    return std::min(1.0, .6 + .4 * random_.Double());
  }

  bool TieInCluster(uint64_t number) {
    const Cluster& cluster = PickCluster();
    if (cluster.businesses.size() < 2) return false;
    const double roll = random_.Double();
    if (roll < .22 && !cluster.groups.empty()) {
      const auto [a, b] = TwoOf(cluster.businesses, cluster.groups);
      Evidence(number, a, b, v1::EVIDENCE_KIND_MEMBERSHIP, -1);
    } else if (roll < .40 && !cluster.suppliers.empty()) {
      const auto [a, b] = TwoOf(cluster.businesses, cluster.suppliers);
      Evidence(number, a, b, v1::EVIDENCE_KIND_TRANSACTION, Rating(b));
    } else if (roll < .58 && !cluster.mentors.empty()) {
      const auto [a, b] = TwoOf(cluster.businesses, cluster.mentors);
      if (b % 50 == 17 && random_.Chance(.4)) {
        Evidence(number, a, b, v1::EVIDENCE_KIND_NO_SHOW, -1);
      } else {
        Evidence(number, a, b, v1::EVIDENCE_KIND_MENTORING, Rating(b));
      }
    } else {
      const auto [a, b] = TwoOf(cluster.businesses, cluster.businesses);
      if (a == b) return false;
      constexpr std::array kKinds = {
          v1::EVIDENCE_KIND_CONTACT,       v1::EVIDENCE_KIND_ENDORSEMENT,
          v1::EVIDENCE_KIND_COLLABORATION, v1::EVIDENCE_KIND_TRANSACTION,
          v1::EVIDENCE_KIND_REFERENCE,     v1::EVIDENCE_KIND_RATING};
      if (b % 50 == 17 && random_.Chance(.3)) {
        Evidence(number, a, b, v1::EVIDENCE_KIND_DISPUTE, -1);
      } else {
        Evidence(number, a, b, Pick(kKinds), Rating(b));
      }
    }
    return true;
  }

  void TieAcross(uint64_t number) {
    uint32_t a = static_cast<uint32_t>(random_.Below(ids_.size()));
    uint32_t b = static_cast<uint32_t>(random_.Below(ids_.size()));
    const auto& city = city_[random_.Below(city_.size())];
    if (!city.empty() && random_.Chance(.7)) b = Pick(city);
    if (a == b) b = (b + 1) % static_cast<uint32_t>(ids_.size());
    constexpr std::array kKinds = {
        v1::EVIDENCE_KIND_CONTACT, v1::EVIDENCE_KIND_ATTENDANCE,
        v1::EVIDENCE_KIND_REFERENCE, v1::EVIDENCE_KIND_REPAYMENT};
    v1::EvidenceKind kind = Pick(kKinds);
    const bool event = absl::string_view(ids_[b]).substr(0, 5) == "acara";
    if (event != (kind == v1::EVIDENCE_KIND_ATTENDANCE)) {
      kind = event ? v1::EVIDENCE_KIND_ATTENDANCE : v1::EVIDENCE_KIND_CONTACT;
    }
    Evidence(number, a, b, kind, -1);
  }

  void AddConsents(const std::string& id) {
    if (!sink_.consent || !random_.Chance(.66)) return;
    v1::Consent consent;
    consent.set_profile_id(id);
    consent.set_granted(true);
    consent.set_receipt_id(absl::StrCat("contoh-", id));
    consent.set_purpose(v1::CONSENT_PURPOSE_PATH_NAMING);
    sink_.consent(consent);
  }

  const SampleOptions options_;
  const SampleSink& sink_;
  Random random_;
  std::vector<std::vector<std::string>> districts_;  // per regency
  std::vector<Cluster> clusters_;
  std::vector<std::vector<uint32_t>> city_;  // who serves a whole regency
  std::vector<uint32_t> ring_;
  std::vector<std::string> ids_;
  v1::Profile profile_;
  v1::Evidence evidence_;
};

}  // namespace

void MakeSampleNetwork(const SampleOptions& options, const SampleSink& sink) {
  Builder(options, sink).Run();
}

}  // namespace mitra::cli
