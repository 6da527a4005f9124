// The peer of `./dev bench postgresql`: the batches that the order service sends to PostgreSQL, from a bare libpq loop that decides nothing. Spans of
// orders, each one transaction in two pipelines (what is read and locked; what is written, with the commit), statements prepared once.
// Usage: pg_span URL STATEMENTS OFFERS SPAN CONNECTIONS SECONDS; prints orders per second.
//
// STATEMENTS is what bench/postgresql.py recorded of one placement: blocks of lines `EACH SQL`, then `PARAMETER` or `\N` per parameter, then an empty line.
// EACH is r (once per span, its rows are stock), s (once per span), o (once per order), f (once per offer of the span). In parameters @x@ is a value of
// ours: g and o the ids of group and order, l of the line, e of an event, n a number, i the offer, a all offers of the span, v and w its stock's old and new
// version, r what is reserved.
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { kStatementsMax = 24, kParametersMax = 24, kSpanMax = 128, kText = 2048 };

struct Statement {
  char each, name[8], *sql, *parameters[kParametersMax];
  int count;
};

struct Stock {
  char offer[32];
  long long reserved, version;
};

struct Values {
  const char *group, *order, *line, *all;
  const struct Stock* stock;
};

static struct Statement statements[kStatementsMax];
static int statement_count, offers, span, connections;
static double seconds;
static const char* url;
static long long placed[64];

static void fail(PGconn* connection, const char* what) {
  fprintf(stderr, "%s: %s", what, PQerrorMessage(connection));
  exit(1);
}

static void read_statements(const char* path) {
  FILE* file = fopen(path, "r");
  if (file == NULL) exit(2);
  char* text = NULL;
  size_t size = 0;
  struct Statement* current = NULL;
  for (ssize_t got; (got = getline(&text, &size, file)) > 0;) {
    text[got - 1] = 0;
    if (text[0] == 0) {
      current = NULL;
    } else if (current == NULL) {
      current = &statements[statement_count];
      current->each = text[0];
      current->sql = strdup(text + 2);
      snprintf(current->name, sizeof current->name, "s%d", statement_count++);
    } else {
      current->parameters[current->count++] = strcmp(text, "\\N") == 0 ? NULL : strdup(text);
    }
  }
  free(text);
  fclose(file);
}

/* Like a UUIDv7: rising in front, random behind. */
static void new_id(char* out, unsigned* seed) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const unsigned long long ms = (unsigned long long)now.tv_sec * 1000 + (unsigned long long)now.tv_nsec / 1000000;
  sprintf(out, "%08llx-%04llx-7%03x-%04x-%06x%06x", ms >> 16 & 0xFFFFFFFF, ms & 0xFFFF, rand_r(seed) & 0xFFF, rand_r(seed) & 0xFFFF, rand_r(seed) & 0xFFFFFF, rand_r(seed) & 0xFFFFFF);
}

static void fill(char* out, const char* with, const struct Values* values, unsigned* seed) {
  for (; *with != 0; ++with) {
    if (with[0] != '@' || with[1] == 0 || with[2] != '@') {
      *out++ = *with;
      continue;
    }
    const struct Stock* stock = values->stock;
    switch (with[1]) {
      case 'g': strcpy(out, values->group); break;
      case 'o': strcpy(out, values->order); break;
      case 'l': strcpy(out, values->line); break;
      case 'a': strcpy(out, values->all); break;
      case 'i': strcpy(out, stock->offer); break;
      case 'e': new_id(out, seed); break;
      case 'n': sprintf(out, "%05d%05d", rand_r(seed) % 100000, rand_r(seed) % 100000); break;
      case 'r': sprintf(out, "%lld", stock->reserved); break;
      case 'v': sprintf(out, "%lld", stock->version); break;
      case 'w': sprintf(out, "%lld", stock->version + 1); break;
      default: exit(2);
    }
    out += strlen(out);
    with += 2;
  }
  *out = 0;
}

static void send(PGconn* connection, const struct Statement* statement, const struct Values* values, unsigned* seed) {
  static _Thread_local char texts[kParametersMax][kText * 4];
  const char* pointers[kParametersMax];
  for (int i = 0; i < statement->count; ++i) {
    pointers[i] = NULL;
    if (statement->parameters[i] == NULL) continue;
    fill(texts[i], statement->parameters[i], values, seed);
    pointers[i] = texts[i];
  }
  if (!PQsendQueryPrepared(connection, statement->name, statement->count, pointers, NULL, NULL, 0)) fail(connection, statement->sql);
}

/* All results up to the sync; the rows of stock to `stock`. */
static void receive(PGconn* connection, int expected, int stock_result, struct Stock* stock, int stock_count) {
  for (int i = 0; i <= expected; ++i) {
    PGresult* result = PQgetResult(connection);
    const ExecStatusType status = PQresultStatus(result);
    if (i == expected ? status != PGRES_PIPELINE_SYNC : status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail(connection, "result");
    for (int row = 0; i == stock_result && row < PQntuples(result); ++row) {
      if (row >= stock_count || strcmp(PQgetvalue(result, row, 0), stock[row].offer) != 0) fail(connection, "stock");
      stock[row].reserved = atoll(PQgetvalue(result, row, 2));
      stock[row].version = atoll(PQgetvalue(result, row, 3));
    }
    PQclear(result);
    if (i < expected && (result = PQgetResult(connection)) != NULL) fail(connection, "more");
  }
}

static int by_offer(const void* a, const void* b) { return strcmp(((const struct Stock*)a)->offer, ((const struct Stock*)b)->offer); }

static void place_span(PGconn* connection, unsigned* seed) {
  struct Stock stock[kSpanMax];
  int chosen[kSpanMax], distinct = 0;
  char all[kSpanMax * 34];
  for (int i = 0; i < span; ++i) {
    chosen[i] = rand_r(seed) % offers;
    snprintf(stock[i].offer, sizeof stock[i].offer, "offer%d", chosen[i]);
  }
  qsort(stock, (size_t)span, sizeof *stock, by_offer);
  for (int i = 0; i < span; ++i) {
    if (distinct == 0 || strcmp(stock[distinct - 1].offer, stock[i].offer) != 0) stock[distinct++] = stock[i];
  }
  char* end = all;
  for (int i = 0; i < distinct; ++i) end += sprintf(end, "%s\"%s\"", i == 0 ? "[" : ",", stock[i].offer);
  strcpy(end, "]");

  struct Values values = {.group = "", .order = "", .line = "", .all = all, .stock = stock};
  int at = 0, sent = 0, stock_result = -1;
  for (; stock_result < 0; ++at) {
    if (statements[at].each == 'r') stock_result = sent;
    send(connection, &statements[at], &values, seed);
    ++sent;
  }
  PQpipelineSync(connection);
  receive(connection, sent, stock_result, stock, distinct);

  sent = 0;
  char ids[kSpanMax][3][40];
  for (int i = 0; i < span; ++i) {
    for (int id = 0; id < 3; ++id) new_id(ids[i][id], seed);
  }
  for (; at < statement_count; ++at) {
    const char each = statements[at].each;
    for (int i = 0; i < (each == 'o' ? span : each == 'f' ? distinct : 1); ++i, ++sent) {
      struct Stock mine;
      snprintf(mine.offer, sizeof mine.offer, "offer%d", chosen[i]);
      if (each == 'f') {
        mine = stock[i];
        for (int k = 0; k < span; ++k) mine.reserved += atoi(mine.offer + 5) == chosen[k];
      }
      values = (struct Values){.group = ids[i][0], .order = ids[i][1], .line = ids[i][2], .all = all, .stock = &mine};
      send(connection, &statements[at], &values, seed);
    }
  }
  PQpipelineSync(connection);
  receive(connection, sent, -1, NULL, 0);
}

static double now_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void* place_for_a_while(void* number) {
  const long me = (long)number;
  unsigned seed = (unsigned)me + 1;
  PGconn* connection = PQconnectdb(url);
  if (PQstatus(connection) != CONNECTION_OK) fail(connection, "connect");
  for (int i = 0; i < statement_count; ++i) {
    PGresult* result = PQprepare(connection, statements[i].name, statements[i].sql, statements[i].count, NULL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) fail(connection, statements[i].sql);
    PQclear(result);
  }
  if (!PQenterPipelineMode(connection)) fail(connection, "pipeline");
  for (const double until = now_seconds() + seconds; now_seconds() < until; placed[me] += span) place_span(connection, &seed);
  PQfinish(connection);
  return NULL;
}

int main(int argc, char** argv) {
  if (argc != 7) return 2;
  url = argv[1];
  read_statements(argv[2]);
  offers = atoi(argv[3]), span = atoi(argv[4]), connections = atoi(argv[5]), seconds = atof(argv[6]);
  if (span < 1 || span > kSpanMax || connections < 1 || connections > 64) return 2;
  pthread_t threads[64];
  const double began = now_seconds();
  for (long i = 0; i < connections; ++i) pthread_create(&threads[i], NULL, place_for_a_while, (void*)i);
  long long total = 0;
  for (int i = 0; i < connections; ++i) {
    pthread_join(threads[i], NULL);
    total += placed[i];
  }
  printf("%.1f\n", (double)total / (now_seconds() - began));
  return 0;
}
