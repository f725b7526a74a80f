#include "service/forward-proxy/privacy/levels.h"

const struct privacy_conf *privacy_level_of(const struct privacy_levels *l,
					    const struct access_facts *f)
{
	static const struct access_rules always = {0};
	for (size_t i = 0; i < l->rules_n; i++)
		if (access_rule_fits(&always, &l->rules[i].who, f))
			return &l->rules[i].conf;
	return &l->otherwise;
}
