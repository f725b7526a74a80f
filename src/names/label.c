#include "names/label.h"

#include "base/writer.h"

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static char lower(uint8_t c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static void put(struct names_label *l, uint8_t c)
{
	if (l->len < NAMES_LABEL_MAX)
		l->text[l->len++] = lower(c);
}

struct names_label names_label_clean(struct span text)
{
	struct names_label l = {.len = 0};
	bool letters = false;

	for (size_t i = 0; i < text.len && text.data[i] != '.' && text.data[i]; i++) {
		uint8_t c = text.data[i];
		letters |= is_letter(c);
		if (is_letter(c) || is_digit(c))
			put(&l, c);
		else if ((c == '-' || c == '_' || c == ' ') && l.len)
			put(&l, '-');
	}
	while (l.len && l.text[l.len - 1] == '-')
		l.len--;
	if (!letters)
		l.len = 0; /* 10 is no name, and 10.0.0.1 would begin with it */
	l.text[l.len] = 0;
	return l;
}

struct names_label names_label_of_address(const struct ip_address *a)
{
	char text[IP_ADDRESS_TEXT_MAX];
	struct names_label l = {.len = 0};
	size_t len = ip_address_format(a, text);

	/* :: at an end would leave a hyphen there, which no host name may have. */
	if (len && text[0] == ':')
		put(&l, '0');
	for (size_t i = 0; i < len; i++)
		put(&l, text[i] == '.' || text[i] == ':' ? (uint8_t)'-' : (uint8_t)text[i]);
	if (len && text[len - 1] == ':')
		put(&l, '0');
	l.text[l.len] = 0;
	return l;
}

bool names_label_is_everybodys(const struct names_label *l)
{
	static const char *const names[] = {"localhost", "wpad", "isatap"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(l->text, names[i]) == 0)
			return true;
	return false;
}

struct names_fqdn_verdict names_fqdn_judge(enum names_fqdn_policy policy, bool s, bool n)
{
	if (s && n)
		s = n = false;
	if (policy == NAMES_FQDN_CLIENT && n)
		/* RFC 4702 4: "… the server SHOULD NOT perform any DNS updates". */
		return (struct names_fqdn_verdict){.n = true};
	if (policy == NAMES_FQDN_CLIENT && !s)
		return (struct names_fqdn_verdict){.reverse = true};
	/* O says that the flag is not as the client set it. */
	return (struct names_fqdn_verdict){.s = true, .o = !s, .forward = true, .reverse = true};
}
