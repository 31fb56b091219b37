// Checksums of venues over the text of their books, against sums of texts that are written out.
#include <string>
#include <vector>

#include "bookflow/state.hpp"
#include "bookflow/text_book.hpp"
#include "check.hpp"

using bookflow::ChecksumRule;
using bookflow::crc32;
using bookflow::InputError;
using bookflow::Instrument;
using bookflow::Side;
using bookflow::TextBook;
using bookflow::TextOrders;

namespace {

const bookflow::Units kUnits = Instrument{"X", {1, -2}, {}, {1, -4}}.units();

// One byte a step, by the polynomial itself.
std::uint32_t slow_crc32(const std::string& text) {
    std::uint32_t sum = ~std::uint32_t{0};
    for (const char c : text) {
        sum ^= static_cast<std::uint8_t>(c);
        for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1) != 0 ? 0xEDB88320U : 0U);
    }
    return ~sum;
}

void test_crc32() {
    CHECK(crc32("") == 0);
    CHECK(crc32("123456789") == 0xCBF43926U);  // the check value of the catalogue of CRCs
    CHECK(crc32("a") == 0xE8B7BE43U);
    test::Random random(1);
    for (int n = 0; n < 300; ++n) {
        std::string text;
        for (int i = 0; i < n; ++i) text.push_back(static_cast<char>(random.between(0, 255)));
        CHECK(crc32(text) == slow_crc32(text));
    }
}

void test_levels() {
    TextBook book(kUnits);
    const auto set = [&](Side side, const char* price, const char* size) {
        book.apply(side, book.level(price, size));
    };
    CHECK(book.checksum(ChecksumRule::Digits, 10) == 0);
    set(Side::Bid, "0.50", "2.0");
    set(Side::Bid, "0.60", "0.10");
    set(Side::Ask, "0.70", "05");
    set(Side::Bid, "0.40", "1e-4");
    CHECK(book.checksum(ChecksumRule::Digits, 10) == crc32("705"
                                                           "6010"
                                                           "5020"
                                                           "401e-4"));
    CHECK(book.checksum(ChecksumRule::Digits, 1) == crc32("705"
                                                          "6010"));
    CHECK(book.checksum(ChecksumRule::Alternating, 25) ==
          crc32("0.60:0.10:0.70:05:0.50:2.0:0.40:1e-4"));
    CHECK(book.checksum(ChecksumRule::SignedAsks, 2) == crc32("0.60:0.10:0.70:-05:0.50:2.0"));
    set(Side::Bid, "0.6", "0");
    CHECK(book.checksum(ChecksumRule::Alternating, 1) == crc32("0.50:2.0:0.70:05"));
}

void test_orders() {
    TextOrders book(kUnits);
    const auto set = [&](Side side, TextOrders::Id id, int rank, const char* price,
                         const char* size) { book.set(side, id, rank, book.level(price, size)); };
    CHECK(book.checksum_of_prices(10) == 0);
    set(Side::Bid, 7, 1, "0.50", "1.0");
    set(Side::Bid, 8, 2, "0.50", "2.0");
    set(Side::Bid, 9, 3, "0.60", "3.0");
    set(Side::Ask, 5, 4, "0.70", "0.04");
    set(Side::Ask, 4, 5, "0.70", "0.05");
    CHECK(book.checksum_of_prices(10) == crc32("704"
                                               "705"
                                               "6030"
                                               "5010"
                                               "5020"));
    CHECK(book.checksum_of_prices(1) == crc32("704"
                                              "705"
                                              "6030"));
    CHECK(book.checksum_of_ids(2) == crc32("9:3.0:5:-0.04:7:1.0:4:-0.05"));
    CHECK(book.checksum_of_ids(25) == crc32("9:3.0:5:-0.04:7:1.0:4:-0.05:8:2.0"));

    set(Side::Bid, 7, 6, "0.50", "4.0");  // to the back of its queue
    CHECK(book.checksum_of_prices(10) == crc32("704"
                                               "705"
                                               "6030"
                                               "5020"
                                               "5040"));
    set(Side::Bid, 8, 2, "0.50", "1.5");  // where it was
    CHECK(book.checksum_of_prices(10) == crc32("704"
                                               "705"
                                               "6030"
                                               "5015"
                                               "5040"));
    CHECK(book.remove(9));
    CHECK(!book.remove(9));
    set(Side::Ask, 5, 4, "0.70", "0");
    CHECK(book.checksum_of_prices(10) == crc32("705"
                                               "5015"
                                               "5040"));
    set(Side::Ask, 6, 7, "0.80", "1");
    CHECK(book.truncate(Side::Ask, 1) == std::vector<TextOrders::Id>{6});
    CHECK(!book.remove(6));
    CHECK(book.truncate(Side::Bid, 1).empty());
    CHECK(book.size(Side::Bid) == 2);
    book.clear();
    CHECK(book.checksum_of_ids(25) == 0);
}

// Numbers as long as they may be, more of them than the text had place for at first.
void test_long_numbers() {
    TextBook book(kUnits);
    std::string text;
    for (int i = 0; i < 100; ++i) {
        const std::string zeros(18, '0');
        const std::string price = zeros + std::to_string(900 - i) + ".0";
        const std::string size = zeros + std::to_string(100 + i) + ".5";
        book.apply(Side::Bid, book.level(price, size));
        text += std::to_string(900 - i) + "0" + std::to_string(100 + i) + "5";
    }
    CHECK(book.checksum(ChecksumRule::Digits, 100) == crc32(text));
    CHECK(book.checksum(ChecksumRule::Digits, 1) == crc32(text.substr(0, 8)));
}

// Random orders against a sort of them all.
void test_any_orders() {
    struct Plain {
        Side side;
        int price, rank;
        TextOrders::Id id;
        std::string size;
    };
    test::Random random(2);
    TextOrders book(kUnits);
    std::vector<Plain> plain;
    for (long n = test::operations(20'000); n > 0; --n) {
        const auto id = static_cast<TextOrders::Id>(random.between(0, 40));
        std::erase_if(plain, [&](const Plain& o) { return o.id == id; });
        if (random.between(0, 3) == 0) {
            book.remove(id);
        } else {
            const Plain order{random.between(0, 1) == 0 ? Side::Bid : Side::Ask,
                              static_cast<int>(random.between(1, 9)),
                              static_cast<int>(random.between(0, 5)), id,
                              std::to_string(random.between(1, 99))};
            book.set(order.side, id, order.rank,
                     book.level(std::to_string(order.price), order.size));
            plain.push_back(order);
        }
        std::sort(plain.begin(), plain.end(), [](const Plain& a, const Plain& b) {
            if (a.side != b.side) return a.side == Side::Ask;
            if (a.price != b.price) return (a.side == Side::Ask) == (a.price < b.price);
            return std::pair(a.rank, a.id) < std::pair(b.rank, b.id);
        });
        std::string text;
        for (const Plain& o : plain) text += std::to_string(o.price) + o.size;
        CHECK(book.checksum_of_prices(100) == crc32(text));
    }
}

void test_bad_numbers() {
    const TextOrders book(kUnits);
    for (const char* text : {"", "x", "NaN", "1e999", "-", "0.00001", "123456789012345678901234"}) {
        THROWS(InputError, static_cast<void>(book.level("1", text)));
        THROWS(InputError, static_cast<void>(book.level(text, "1")));
    }
    THROWS(InputError, static_cast<void>(book.level("1", "-1")));
}

// Saved and restored: the same texts and sums, and the same from there on.
void test_state() {
    TextBook book(kUnits);
    TextOrders orders(kUnits);
    test::Random random(5);
    for (int i = 0; i < 2000; ++i) {
        const Side side = random.between(0, 1) == 0 ? Side::Bid : Side::Ask;
        const std::string price = "0." + std::to_string(random.between(10, 99));
        const std::string size = std::to_string(random.between(0, 9)) + ".0";
        book.apply(side, book.level(price, size));
        orders.set(side, static_cast<TextOrders::Id>(random.between(1, 300)),
                   random.between(-50, 50), orders.level(price, size));
        if (i % 100 != 0) continue;
        TextBook other_book{bookflow::Units{}};
        TextOrders other_orders{bookflow::Units{}};
        const std::string levels_saved = bookflow::save_state("TextBook", book);
        const std::string orders_saved = bookflow::save_state("TextOrders", orders);
        bookflow::StateEnvelope(levels_saved).load("TextBook", other_book);
        bookflow::StateEnvelope(orders_saved).load("TextOrders", other_orders);
        CHECK(bookflow::save_state("TextBook", other_book) == levels_saved);
        CHECK(bookflow::save_state("TextOrders", other_orders) == orders_saved);
        CHECK(other_book.checksum(ChecksumRule::Digits, 50) ==
              book.checksum(ChecksumRule::Digits, 50));
        CHECK(other_orders.checksum_of_ids(50) == orders.checksum_of_ids(50));
        book = other_book;
        orders = other_orders;
    }
}

}  // namespace

int main() {
    test_crc32();
    test_levels();
    test_orders();
    test_long_numbers();
    test_any_orders();
    test_bad_numbers();
    test_state();
    return test::report("text_book");
}
