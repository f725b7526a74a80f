/* A compiled policy that somebody else wrote, its checksum made right: it is refused, or safe to
 * look in. */
#include "base/siphash.h"
#include "base/writer.h"
#include "policy/form.h"
#include "policy/pauses.h"
#include "policy/safe_search.h"

#include <stdlib.h>

static void ask(const struct policy *p, const struct policy_view *v, const char *text)
{
	struct policy_match m;
	struct dns_name name, target;
	enum policy_engine engine;
	char line[POLICY_LINE_TEXT_MAX];
	enum err e = dns_name_from_text(span_text(text), NULL, &name);
	ASSERT(!e);
	policy_look(p, v, &name, &m);
	(void)policy_line_format(&m, line);
	ASSERT(m.verdict == POLICY_SAYS_NOTHING || policy_list_name(p, m.list).len);
	ASSERT(m.verdict == POLICY_SAYS_NOTHING || policy_rule(p, m.rule));
	(void)policy_safe_search(v->engines, &name, &target, &engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy *p = NULL;
	struct policy_view view;
	struct policy_pauses pauses = {0};
	uint8_t *copy = malloc(size ? size : 1);
	ASSERT(copy);
	if (size)
		memcpy(copy, data, size);
	if (size >= POLICY_HEADER_LEN) {
		struct writer w = writer_of(copy + POLICY_CHECK_AT - 8, 16);
		write_u64(&w, size);
		write_u64(&w, siphash24(POLICY_CHECK_KEY, copy + POLICY_CHECK_AT + 8,
					size - POLICY_CHECK_AT - 8));
	}
	if (policy_open(span_of(copy, size), &p) == OK) {
		struct policy_client c = {.address = ip_address_v4(192, 168, 1, 4),
					  .lease = span_text("tablet")};
		err_ignore(policy_pauses_read(p, span_of(data, size), &pauses)); /* mostly none */
		for (uint64_t now_s = 1700000000; now_s < 1700090000; now_s += 30000) {
			policy_view(p, policy_groups_of(p, &c), now_s, &pauses, &view);
			ask(p, &view, ".");
			ask(p, &view, "xy.ads.example");
			ask(p, &view, "play.games.example");
			ask(p, &view, "www.google.com");
		}
	}
	policy_free(p);
	free(copy);
	return 0;
}
