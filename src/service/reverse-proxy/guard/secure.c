#include "service/reverse-proxy/guard/secure.h"

#include "proxy/head.h"

void secure_fields_add(struct proxy_head *response, bool tls)
{
	static const struct {
		const char *name, *value;
		bool tls;
	} fields[] = {
		{"strict-transport-security", "max-age=31536000", true},
		{"x-content-type-options", "nosniff", false},
		{"x-frame-options", "SAMEORIGIN", false},
		{"referrer-policy", "strict-origin-when-cross-origin", false},
		{"permissions-policy", "camera=(), geolocation=(), microphone=()", false},
	};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct span name = span_text(fields[i].name);
		if ((fields[i].tls && !tls) || proxy_head_find_name(response, name))
			continue;
		if (proxy_head_add(response, name, span_text(fields[i].value)))
			return;
	}
}
