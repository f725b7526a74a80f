/* A policy of many names: its size, the memory and the time that it takes to make and to open it,
 * and the time of a look-up. The names are made up in the shapes of public block lists: mostly two
 * to four labels, few top-level domains with most of them, words of syllables and numbers.
 *
 *	policy_names N [SEED]	one line of JSON
 */
#include "base/writer.h"
#include "policy/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { LISTS = 4, NAME_MAX_LEN = 256, LOOKS = 2000000, ASKED = 1 << 20 };

static uint64_t state = 1;

static uint64_t next(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static size_t below(size_t n)
{
	return (size_t)(next() % n);
}

_Noreturn static void fail(const char *what)
{
	(void)fprintf(stderr, "policy_names: %s\n", what);
	exit(1);
}

/* Processor time: the machine may have others to serve. */
static double now_s(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- names --- */

static void word(struct writer *w, size_t syllables)
{
	static const char *const parts[] = {
		"ad",  "ser", "ve", "tra", "ck",   "met", "ric", "pix", "el", "on",  "li", "ne",
		"me",  "dia", "ba", "na",  "stat", "s",	  "co",	 "ta",	"ro", "mi",  "go", "web",
		"net", "da",  "ti", "ku",  "zo",   "be",  "ra",	 "in",	"fo", "sho", "p",  "x"};
	for (size_t i = 0; i < syllables; i++)
		write_text(w, parts[below(sizeof(parts) / sizeof(parts[0]))]);
}

static void label(struct writer *w)
{
	size_t shape = below(10);
	word(w, 2 + below(3));
	if (shape < 2)
		write_u8(w, '-');
	if (shape < 3)
		word(w, 1 + below(3));
	if (shape > 6)
		write_format(w, "%zu", below(shape > 8 ? 100000 : 100));
}

static void name(struct writer *w)
{
	static const char *const ends[] = {"com",    "com",  "com",  "com", "com",   "com",
					   "com",    "com",  "net",  "net", "org",   "ru",
					   "de",     "info", "xyz",  "top", "co.uk", "com.br",
					   "online", "site", "club", "jp"};
	static const char *const hosts[] = {"www", "ads", "cdn", "track", "a", "static", "pixel"};
	size_t deep = below(100);
	if (deep < 30) {
		write_text(w, hosts[below(7)]);
		write_u8(w, '.');
	}
	if (deep < 20 || deep > 90) {
		label(w);
		write_u8(w, '.');
	}
	label(w);
	write_u8(w, '.');
	write_text(w, ends[below(22)]);
}

/* --- the policy --- */

static const struct policy_list_setup lists[LISTS] = {
	{.name = {(const uint8_t *)"one", 3}},
	{.name = {(const uint8_t *)"two", 3}},
	{.name = {(const uint8_t *)"three", 5}},
	{.name = {(const uint8_t *)"four", 4}},
};
static const struct policy_rule rules[] = {{.lists = {15}, .schedule = POLICY_ALWAYS}};

/* Each list in another form. */
static void texts_make(size_t n, struct writer texts[LISTS])
{
	static const char *const before[LISTS] = {"||", "0.0.0.0 ", "", "||"};
	static const char *const after[LISTS] = {"^\n", "\n", "\n", "^$important\n"};
	for (size_t i = 0; i < LISTS; i++)
		texts[i] = writer_of(malloc(n / LISTS * 80 + 4096), n / LISTS * 80 + 4096);
	for (size_t i = 0; i < n; i++) {
		struct writer *w = &texts[i % LISTS];
		write_text(w, before[i % LISTS]);
		name(w);
		write_text(w, after[i % LISTS]);
		if (w->bad)
			fail("no room");
	}
}

static struct policy_built policy_make(struct writer texts[LISTS], size_t n)
{
	static const uint8_t seed[16] = "seventeen octets";
	struct policy_setup s = {.lists = lists, .lists_n = LISTS, .rules = rules, .rules_n = 1};
	struct policy_build *b = NULL;
	struct policy_counts counts;
	struct policy_built built;
	if (policy_build_new(&s, n, &b) != OK)
		fail("no builder");
	for (unsigned i = 0; i < LISTS; i++)
		if (policy_build_text(b, i, writer_span(&texts[i]), &counts) != OK)
			fail("a list");
	if (policy_build_finish(b, seed, &built) != OK)
		fail("no table");
	policy_build_free(b);
	return built;
}

/* --- look-ups --- */

struct asked {
	struct dns_name *names;
	size_t n;
};

static void asked_add(struct asked *a, struct span text)
{
	if (dns_name_from_text(text, NULL, &a->names[a->n++]) != OK)
		fail("a name");
}

/* Names of the lists, all over them. */
static struct asked asked_hits(struct writer texts[LISTS])
{
	struct asked a = {.names = malloc(sizeof(struct dns_name) * ASKED)};
	while (a.n < ASKED) {
		const struct writer *w = &texts[below(LISTS)];
		struct span rest = span_sub(writer_span(w), below(w->pos), w->pos), line;
		struct policy_line l;
		if (policy_text_next(&rest, &line) && policy_text_next(&rest, &line) &&
		    policy_line_read(line, &l) == POLICY_LINE_RULE)
			a.names[a.n++] = l.name;
	}
	return a;
}

/* Names that no list has: of some labels, the last of them ones of the lists' ends. */
static struct asked asked_misses(unsigned labels)
{
	struct asked a = {.names = malloc(sizeof(struct dns_name) * ASKED)};
	while (a.n < ASKED) {
		char text[NAME_MAX_LEN];
		struct writer w = writer_of(text, sizeof(text));
		for (unsigned i = 1; i < labels; i++)
			write_format(&w, labels > 60 ? "%c." : "q%c%zu.", (int)('a' + below(26)),
				     below(1000));
		write_text(&w, labels > 60 ? "c" : "com");
		asked_add(&a, writer_span(&w));
	}
	return a;
}

static double look_ns(const struct policy *p, struct asked a, double *ret_blocked)
{
	struct policy_view view;
	struct policy_match m;
	size_t blocked = 0;
	policy_view(p, 0, 0, NULL, &view);
	double begin = now_s();
	for (size_t i = 0; i < LOOKS; i++) {
		policy_look(p, &view, &a.names[i % a.n], &m);
		blocked += m.verdict == POLICY_SAYS_BLOCK;
	}
	double ns = (now_s() - begin) * 1e9 / LOOKS;
	*ret_blocked = (double)blocked / LOOKS;
	free(a.names);
	return ns;
}

static long peak_kb(void)
{
	struct rusage u;
	(void)getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static void show_looks(const struct policy *p, struct writer texts[LISTS])
{
	static const unsigned depths[] = {2, 4, 10, 30, 127};
	double share, ns = look_ns(p, asked_hits(texts), &share);
	printf(", \"hit_ns\": %.0f, \"hit_share\": %.3f", ns, share);
	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		ns = look_ns(p, asked_misses(depths[i]), &share);
		printf(", \"miss_%u_ns\": %.0f", depths[i], ns);
		if (share > 0.01)
			fail("a miss was none");
	}
}

int main(int argc, char **argv)
{
	uint64_t n, seed = 1;
	struct writer texts[LISTS];
	struct policy *p = NULL;
	if (argc < 2 || !span_to_u64(span_text(argv[1]), POLICY_BUILD_RULES_MAX, &n) || n < LISTS ||
	    (argc > 2 && !span_to_u64(span_text(argv[2]), UINT64_MAX, &seed)))
		fail("N [SEED]");
	state = seed;
	texts_make(n, texts);
	size_t text_len = 0;
	for (size_t i = 0; i < LISTS; i++)
		text_len += texts[i].pos;
	long before_kb = peak_kb();
	double begin = now_s();
	struct policy_built built = policy_make(texts, n);
	double made = now_s();
	long peak = peak_kb() - before_kb;
	if (policy_open(span_of(built.bytes, built.len), &p) != OK)
		fail("it cannot be opened");
	double opened = now_s();
	printf("{\"lines\": %llu, \"names\": %llu, \"texts\": %zu, \"bytes\": %zu, \"make_s\": "
	       "%.3f, "
	       "\"make_peak_kb\": %ld, \"open_s\": %.3f",
	       (unsigned long long)built.lines, (unsigned long long)built.names, text_len,
	       built.len, made - begin, peak, opened - made);
	show_looks(p, texts);
	printf("}\n");
	policy_free(p);
	free(built.bytes);
	for (size_t i = 0; i < LISTS; i++)
		free(texts[i].data);
	return 0;
}
