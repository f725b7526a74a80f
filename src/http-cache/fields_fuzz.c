/* Two heads of strangers, a request's and a response's, in lines, a NUL between them: directives,
 * Vary, conditions, ranges, keys. Nothing is read past the end; what is decided holds together. */
#include "http-cache/answer.h"
#include "http-cache/decide.h"
#include "http-cache/key.h"
#include "http-cache/store.h"
#include "http-cache/validate.h"
#include "http-cache/vary.h"

#include "base/writer.h"
#include "proto/http/date.h"

enum { FIELDS = 32 };
#define NOW_S UINT64_C(784111777)

static struct cache_fields lines(struct span text, struct http_field *to)
{
	size_t n = 0;
	while (text.len && n < FIELDS) {
		size_t end = span_find(text, '\n');
		struct span line = span_sub(text, 0, end);
		size_t colon = span_find(line, ':');
		struct span name = span_sub(line, 0, colon);
		text = span_sub(text, end + 1, text.len);
		to[n++] = (struct http_field){name, span_trim(span_sub(line, colon + 1, line.len)),
					      http_field_id(name)};
	}
	return (struct cache_fields){to, n};
}

static void vary(struct cache_fields request, struct cache_fields response)
{
	uint8_t rooms[3][CACHE_VARY_MAX];
	struct writer names = writer_of(rooms[0], CACHE_VARY_MAX);
	struct writer one = writer_of(rooms[1], CACHE_VARY_MAX);
	struct writer two = writer_of(rooms[2], CACHE_VARY_MAX);
	cache_vary_names(response, &names);
	cache_vary_write(writer_span(&names), request, &one);
	cache_vary_write(writer_span(&names), request, &two);
	ASSERT(one.bad == two.bad && (one.bad || span_equal(writer_span(&one), writer_span(&two))));
}

static void uses(const struct cache_meta *m, struct cache_fields request,
		 const struct cache_policy *p)
{
	struct cache_directives asked;
	struct range part;
	cache_directives_read(request, &asked);
	struct cache_decision d = cache_decide(m, &asked, false, p, NOW_S + 7);
	ASSERT(!m->no_cache || d.use == CACHE_VALIDATE || d.use == CACHE_UNREACHABLE);
	ASSERT(!m->must_revalidate || d.ttl_s > 0 || d.use != CACHE_USE);
	if (cache_answer(m, 1000, span_text("GET"), request, &part) == CACHE_ANSWER_PART)
		ASSERT(part.first <= part.last && part.last < 1000);
}

static void freshen(const struct cache_meta *m, struct cache_fields a, struct cache_fields b,
		    const struct cache_policy *p)
{
	struct http_field made[2 * FIELDS], conditions[CACHE_CONDITIONS_MAX];
	uint8_t room[HTTP_DATE_LEN];
	struct writer w = writer_of(room, sizeof(room));
	size_t n = 0;
	ASSERT(cache_conditions(m, &w, conditions) <= CACHE_CONDITIONS_MAX);
	(void)cache_is_freshened_by(m, b);
	ASSERT(cache_fields_freshen(a, b, p, made, 2 * FIELDS, &n) == OK && n <= 2 * FIELDS);
}

static void keys(struct span text)
{
	uint8_t rooms[2][CACHE_KEY_MAX];
	struct writer one = writer_of(rooms[0], CACHE_KEY_MAX);
	struct writer two = writer_of(rooms[1], CACHE_KEY_MAX);
	if (!cache_key_of_text(text, &one))
		return;
	/* A key is its own key. */
	ASSERT(cache_key_of_text(writer_span(&one), &two));
	ASSERT(span_equal(writer_span(&one), writer_span(&two)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	size_t cut = span_find(in, 0);
	struct http_field asked[FIELDS], told[FIELDS];
	struct cache_fields request = lines(span_sub(in, 0, cut), asked);
	struct cache_fields response = lines(span_sub(in, cut + 1, size), told);
	const struct cache_policy p = {.heuristics = true,
				       .clients = true,
				       .heuristic_max_s = 86400,
				       .lifetime_max_s = CACHE_SECONDS_NONE};
	struct cache_meta m;
	cache_meta_read(200, response, &p, NOW_S, NOW_S + 1, &m);
	(void)cache_may_store(span_text("GET"), request, response, &m, &p);
	vary(request, response);
	uses(&m, request, &p);
	freshen(&m, response, request, &p);
	keys(in);
	return 0;
}
