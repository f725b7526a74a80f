/* Content-Type and Content-Range of strangers, a line's end between them: what is read of them lies
 * in them, and what is denied stays so when a field more is there. */
#include "service/forward-proxy/access/answers.h"

#include "base/err.h"
#include "service/forward-proxy/access/destination.h"

static const char *const films[] = {"video/*", "none"};
static const struct answers_rule rules[] = {
	{.who = {.action = ACCESS_DENY}, .types = films, .types_n = 2, .larger = ANSWERS_ANY_SIZE},
	{.who = {.action = ACCESS_DENY}, .larger = 1000},
};
static const struct answers_rules all = {.items = rules, .n = 2};

static bool denied(const struct answers_facts *f)
{
	static const struct destination to = {.port = 80, .name = "a.example", .name_len = 9};
	const struct access_facts who = {.to = &to};
	struct answers_verdict v;
	answers_judge(&all, &who, f, &v);
	ASSERT(v.denied || v.most == (f->has_size ? ANSWERS_ANY_SIZE : 1000));
	return v.denied;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span whole = span_of(data, size);
	struct span type = span_sub(whole, 0, span_find(whole, '\n'));
	struct span range = span_sub(whole, type.len + 1, size);
	struct answers_facts f = {0};
	uint64_t all_of_it;
	answers_type_add(&f, type);
	ASSERT(f.types_n >= 1 && f.types_n <= ANSWERS_TYPES_MAX);
	for (unsigned i = 0; i < f.types_n; i++)
		ASSERT(!f.types[i].len || (f.types[i].data >= data &&
					   f.types[i].data + f.types[i].len <= data + type.len));
	f.has_size = answers_size_of_range(range, &all_of_it);
	f.size = f.has_size ? all_of_it : 0;
	bool was = denied(&f);
	if (f.has_size && f.size > 1000)
		ASSERT(was);
	answers_type_add(&f, span_text("text/plain"));
	if (was)
		ASSERT(denied(&f));
	answers_type_add(&f, span_text("video/mp4"));
	ASSERT(denied(&f));
	return 0;
}
