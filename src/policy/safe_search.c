#include "policy/safe_search.h"

const char *const policy_engine_names[POLICY_ENGINES + 1] = {
	"google", "youtube", "youtube-moderate", "bing",  "duckduckgo",
	"yandex", "pixabay", "ecosia",		 "brave", NULL,
};

/* As their makers tell network administrators. A star at the end is a country's domain: com, ru,
 * co.uk, com.br. */
static const struct {
	enum policy_engine engine;
	const char *name, *target;
} engines_table[] = {
	{POLICY_ENGINE_GOOGLE, "www.google.*", "forcesafesearch.google.com"},
	{POLICY_ENGINE_GOOGLE, "google.*", "forcesafesearch.google.com"},
	{POLICY_ENGINE_YOUTUBE, "www.youtube.com", "restrict.youtube.com"},
	{POLICY_ENGINE_YOUTUBE, "m.youtube.com", "restrict.youtube.com"},
	{POLICY_ENGINE_YOUTUBE, "youtubei.googleapis.com", "restrict.youtube.com"},
	{POLICY_ENGINE_YOUTUBE, "youtube.googleapis.com", "restrict.youtube.com"},
	{POLICY_ENGINE_YOUTUBE, "www.youtube-nocookie.com", "restrict.youtube.com"},
	{POLICY_ENGINE_YOUTUBE_MODERATE, "www.youtube.com", "restrictmoderate.youtube.com"},
	{POLICY_ENGINE_YOUTUBE_MODERATE, "m.youtube.com", "restrictmoderate.youtube.com"},
	{POLICY_ENGINE_YOUTUBE_MODERATE, "youtubei.googleapis.com", "restrictmoderate.youtube.com"},
	{POLICY_ENGINE_YOUTUBE_MODERATE, "youtube.googleapis.com", "restrictmoderate.youtube.com"},
	{POLICY_ENGINE_YOUTUBE_MODERATE, "www.youtube-nocookie.com",
	 "restrictmoderate.youtube.com"},
	{POLICY_ENGINE_BING, "www.bing.com", "strict.bing.com"},
	{POLICY_ENGINE_BING, "bing.com", "strict.bing.com"},
	{POLICY_ENGINE_BING, "edgeservices.bing.com", "strict.bing.com"},
	{POLICY_ENGINE_DUCKDUCKGO, "duckduckgo.com", "safe.duckduckgo.com"},
	{POLICY_ENGINE_DUCKDUCKGO, "www.duckduckgo.com", "safe.duckduckgo.com"},
	{POLICY_ENGINE_DUCKDUCKGO, "start.duckduckgo.com", "safe.duckduckgo.com"},
	{POLICY_ENGINE_DUCKDUCKGO, "duck.com", "safe.duckduckgo.com"},
	{POLICY_ENGINE_YANDEX, "yandex.*", "familysearch.yandex.ru"},
	{POLICY_ENGINE_YANDEX, "www.yandex.*", "familysearch.yandex.ru"},
	{POLICY_ENGINE_YANDEX, "ya.ru", "familysearch.yandex.ru"},
	{POLICY_ENGINE_PIXABAY, "pixabay.com", "safesearch.pixabay.com"},
	{POLICY_ENGINE_PIXABAY, "www.pixabay.com", "safesearch.pixabay.com"},
	{POLICY_ENGINE_ECOSIA, "www.ecosia.org", "strict-safe-search.ecosia.org"},
	{POLICY_ENGINE_ECOSIA, "ecosia.org", "strict-safe-search.ecosia.org"},
	{POLICY_ENGINE_BRAVE, "search.brave.com", "forcesafe.search.brave.com"},
};

/* com, cat or two letters; or com, co or two letters before two letters. */
static bool is_country(struct span end)
{
	struct span first = dns_name_first_label(end), rest = dns_name_parent_span(end);
	if (rest.len == 1)
		return first.len == 2 || span_is(first, "com") || span_is(first, "cat");
	struct span last = dns_name_first_label(rest);
	return dns_name_parent_span(rest).len == 1 && last.len == 2 &&
	       (first.len == 2 || span_is(first, "com"));
}

/* text: of the table; labels compare one by one, so that nothing is made of it. */
static bool is_named(struct span wire, const char *text)
{
	struct span rest = span_text(text);
	while (rest.len) {
		struct span label = span_sub(rest, 0, span_find(rest, '.'));
		if (span_is(label, "*"))
			return wire.len > 1 && is_country(wire);
		if (!span_equal(dns_name_first_label(wire), label))
			return false;
		wire = dns_name_parent_span(wire);
		rest = span_sub(rest, label.len + 1, rest.len);
	}
	return wire.len == 1;
}

bool policy_safe_search(uint32_t engines, const struct dns_name *name, struct dns_name *ret,
			enum policy_engine *ret_engine)
{
	for (size_t i = 0; engines && i < sizeof(engines_table) / sizeof(engines_table[0]); i++)
		if ((engines >> engines_table[i].engine & 1) &&
		    is_named(dns_name_span(name), engines_table[i].name) &&
		    dns_name_from_text(span_text(engines_table[i].target), NULL, ret) == OK) {
			*ret_engine = engines_table[i].engine;
			return true;
		}
	return false;
}
