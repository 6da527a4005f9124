// The peer of `./dev bench order`: what a C loop does that writes the rows of one order per FULL commit, uncoalesced, into SQLite on the same
// disk: idempotency-free placement as the service writes it (group, order, line, stock, three events). Usage: baseline_order FILE ORDERS SCHEMA.sql
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { kOffers = 1000 };

static sqlite3* db;

static void must(int code, int expected, const char* what) {
  if (code == expected) return;
  fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(db));
  exit(1);
}

static void exec(const char* sql) { must(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, sql); }

static sqlite3_stmt* prepare(const char* sql) {
  sqlite3_stmt* statement = NULL;
  must(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL), SQLITE_OK, sql);
  return statement;
}

/* Binds by letter: t text, i integer, n null; runs; resets. */
static void run(sqlite3_stmt* statement, const char* kinds, const char** texts, const sqlite3_int64* numbers) {
  int t = 0, n = 0;
  for (int i = 0; kinds[i] != 0; ++i) {
    if (kinds[i] == 't') sqlite3_bind_text(statement, i + 1, texts[t++], -1, SQLITE_STATIC);
    if (kinds[i] == 'i') sqlite3_bind_int64(statement, i + 1, numbers[n++]);
    if (kinds[i] == 'n') sqlite3_bind_null(statement, i + 1);
  }
  must(sqlite3_step(statement), SQLITE_DONE, "step");
  sqlite3_reset(statement);
}

static void random_id(char* out, const char* alphabet, int size) {
  for (int i = 0; i < size; ++i) out[i] = alphabet[rand() % strlen(alphabet)];
  out[size] = 0;
}

/* Like a UUIDv7: rising in front, random behind. */
static void new_id(char* out, sqlite3_int64 now_us) {
  char tail[24];
  random_id(tail, "0123456789abcdef", 19);
  snprintf(out, 37, "%08llx-%04llx-7%.3s-%.4s-%.12s", (unsigned long long)(now_us / 1000 >> 16), (unsigned long long)(now_us / 1000 & 0xFFFF), tail, tail + 3, tail + 7);
}

static char* read_file(const char* path) {
  FILE* file = fopen(path, "rb");
  if (file == NULL) exit(2);
  char* text = calloc(1, 1 << 20);
  if (fread(text, 1, (1 << 20) - 1, file) == 0) exit(2);
  fclose(file);
  return text;
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const int orders = atoi(argv[2]);
  must(sqlite3_open(argv[1], &db), SQLITE_OK, "open");
  exec("PRAGMA journal_mode=WAL");
  exec("PRAGMA synchronous=FULL");
  exec(read_file(argv[3]));
  exec("BEGIN");
  for (int i = 0; i < kOffers; ++i) {
    char sql[160];
    snprintf(sql, sizeof sql, "INSERT INTO stock (offer_id, on_hand, reserved, version) VALUES ('offer%d', 1000000000, 0, 1)", i);
    exec(sql);
  }
  exec("COMMIT");

  sqlite3_stmt* insert_group = prepare("INSERT INTO order_groups (group_id, number, user_id, currency, status, payment_status, fulfillment_status, subtotal, discount_total, "
                                        "shipping_total, tax_total, total, version, placed_at, updated_at, pay_by, paid_by) VALUES (?,?,?,'USD','pending','not_paid','not_fulfilled',?,0,0,0,?,1,?,?,?,NULL)");
  sqlite3_stmt* insert_order = prepare("INSERT INTO orders (order_id, number, group_id, user_id, seller_id, currency, status, payment_status, fulfillment_status, cancel_reason, "
                                        "subtotal, discount_total, shipping_total, tax_total, total, version, placed_at, updated_at, canceled_at, pay_by) VALUES (?,?,?,?,'s1','USD','pending','not_paid','not_fulfilled',NULL,?,0,0,0,?,1,?,?,NULL,?)");
  sqlite3_stmt* insert_line = prepare("INSERT INTO order_lines (order_id, position, line_id, offer_id, product_id, variant_id, sku, title, quantity, canceled_quantity, unit_price, "
                                       "subtotal, discount_total, shipping_total, tax_total, total, requires_shipping) VALUES (?,1,?,?,'p1','v1','SKU-1','A product',1,0,?,?,0,0,0,?,1)");
  sqlite3_stmt* update_stock = prepare("UPDATE stock SET reserved = reserved + 1, version = version + 1 WHERE offer_id = ? AND on_hand - reserved >= 1");
  sqlite3_stmt* read_stock = prepare("SELECT on_hand, reserved, version FROM stock WHERE offer_id = ?");
  sqlite3_stmt* insert_event = prepare("INSERT INTO outbox (event_id, topic, type, subject, version, time, traceparent, data) VALUES (?,?,?,?,?,?,?,?)");

  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (int i = 0; i < orders; ++i) {
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    const sqlite3_int64 now = (sqlite3_int64)wall.tv_sec * 1000000 + wall.tv_nsec / 1000;
    char group[37], order[37], line[37], group_number[11], order_number[11], offer[16], event[3][37], data[3][768];
    new_id(group, now);
    new_id(order, now);
    new_id(line, now);
    random_id(group_number, "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 10);
    random_id(order_number, "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 10);
    snprintf(offer, sizeof offer, "offer%d", rand() % kOffers);
    for (int e = 0; e < 3; ++e) new_id(event[e], now);

    exec("BEGIN IMMEDIATE");
    sqlite3_bind_text(read_stock, 1, offer, -1, SQLITE_STATIC);
    must(sqlite3_step(read_stock), SQLITE_ROW, "stock");
    const sqlite3_int64 on_hand = sqlite3_column_int64(read_stock, 0), reserved = sqlite3_column_int64(read_stock, 1) + 1;
    const sqlite3_int64 version = sqlite3_column_int64(read_stock, 2) + 1;
    sqlite3_reset(read_stock);
    const sqlite3_int64 price = 49999, money_and_times[] = {price, price, now, now, now + 1};
    run(insert_group, "tttiiiii", (const char*[]){group, group_number, "u1"}, money_and_times);
    run(insert_order, "ttttiiiii", (const char*[]){order, order_number, group, "u1"}, money_and_times);
    run(insert_line, "tttiii", (const char*[]){order, line, offer}, (const sqlite3_int64[]){price, price, price});
    run(update_stock, "t", (const char*[]){offer}, NULL);
    snprintf(data[0], sizeof data[0], "{\"order_group_id\":\"%s\",\"number\":\"%s\",\"user_id\":\"u1\",\"currency\":\"USD\",\"order_ids\":[\"%s\"],\"subtotal\":49999,\"discount_total\":0,\"shipping_total\":0,\"tax_total\":0,\"total\":49999,\"placed_at\":\"2026-01-01T00:00:00.000Z\",\"pay_by\":\"2026-01-02T00:00:00.000Z\"}", group, group_number, order);
    snprintf(data[1], sizeof data[1], "{\"order_id\":\"%s\",\"number\":\"%s\",\"order_group_id\":\"%s\",\"user_id\":\"u1\",\"seller_id\":\"s1\",\"currency\":\"USD\",\"subtotal\":49999,\"discount_total\":0,\"shipping_total\":0,\"tax_total\":0,\"total\":49999,\"lines\":[{\"line_id\":\"%s\",\"offer_id\":\"%s\",\"product_id\":\"p1\",\"variant_id\":\"v1\",\"sku\":\"SKU-1\",\"quantity\":1,\"unit_price\":49999,\"subtotal\":49999,\"discount_total\":0,\"shipping_total\":0,\"tax_total\":0,\"total\":49999,\"requires_shipping\":true}],\"placed_at\":\"2026-01-01T00:00:00.000Z\"}", order, order_number, group, line, offer);
    snprintf(data[2], sizeof data[2], "{\"offer_id\":\"%s\",\"on_hand\":%lld,\"reserved\":%lld,\"available\":%lld}", offer, on_hand, reserved, on_hand - reserved);
    const char* trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    run(insert_event, "tttt" "ii" "tt", (const char*[]){event[0], "agora.order_groups", "order_group.placed", group, trace, data[0]}, (const sqlite3_int64[]){1, now});
    run(insert_event, "tttt" "ii" "tt", (const char*[]){event[1], "agora.orders", "order.placed", order, trace, data[1]}, (const sqlite3_int64[]){1, now});
    run(insert_event, "tttt" "ii" "tt", (const char*[]){event[2], "agora.stock", "stock.changed", offer, trace, data[2]}, (const sqlite3_int64[]){version, now});
    exec("COMMIT");
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%.1f\n", orders / ((double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9));
  return 0;
}
