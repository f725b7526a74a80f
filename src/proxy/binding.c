#include "proxy/binding.h"

static const char *const schemes[] = {"NTLM", "Negotiate"};
enum { SCHEMES = sizeof(schemes) / sizeof(schemes[0]) };

/* One challenge, or the credentials. */
static bool is_scheme(struct span item)
{
	while (item.len && (item.data[0] == ' ' || item.data[0] == '\t'))
		item = span_sub(item, 1, item.len);
	for (size_t i = 0; i < SCHEMES; i++) {
		struct span scheme = span_text(schemes[i]);
		uint8_t next = item.len > scheme.len ? item.data[scheme.len] : ' ';
		if (span_equal_nocase(span_sub(item, 0, scheme.len), scheme) &&
		    (next == ' ' || next == '\t' || next == ','))
			return true;
	}
	return false;
}

/* Several challenges may stand in one field. What a quoted text has looks like one, too, and costs
 * no more than a connection that is not shared. */
static bool says(struct span value)
{
	for (;;) {
		size_t comma = span_find(value, ',');
		if (is_scheme(span_sub(value, 0, comma)))
			return true;
		if (comma >= value.len)
			return false;
		value = span_sub(value, comma + 1, value.len);
	}
}

bool binding_is_said(struct proxy_head *head)
{
	for (size_t i = 0; i < head->fields_n; i++) {
		const struct http_field *f = &head->fields[i];
		if ((f->id == HTTP_FIELD_AUTHORIZATION || f->id == HTTP_FIELD_WWW_AUTHENTICATE) &&
		    says(f->value))
			return true;
	}
	return false;
}
