/* Search engines that keep their results clean when they are asked under another name, and those
 * names: a table. Knows neither who asks nor how names are answered. */
#ifndef POLICY_SAFE_SEARCH_H
#define POLICY_SAFE_SEARCH_H

#include "proto/dns/name.h"

/* Bits of policy_rule.engines, in the order of policy_engine_names. */
enum policy_engine {
	POLICY_ENGINE_GOOGLE,
	POLICY_ENGINE_YOUTUBE,
	POLICY_ENGINE_YOUTUBE_MODERATE, /* where both are set, YOUTUBE counts */
	POLICY_ENGINE_BING,
	POLICY_ENGINE_DUCKDUCKGO,
	POLICY_ENGINE_YANDEX,
	POLICY_ENGINE_PIXABAY,
	POLICY_ENGINE_ECOSIA,
	POLICY_ENGINE_BRAVE,
	POLICY_ENGINES,
};

/* For a configuration; ends with NULL. */
extern const char *const policy_engine_names[POLICY_ENGINES + 1];

/* The name to be asked in place of `name` (lower case) for one of those engines. false: none. */
bool policy_safe_search(uint32_t engines, const struct dns_name *name, struct dns_name *ret,
			enum policy_engine *ret_engine);

#endif
