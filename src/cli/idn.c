#include "cli/idn.h"

#include <idn2.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

static enum err copy(const char *from, char *buf, size_t size)
{
	int n = snprintf(buf, size, "%s", from);
	return n < 0 || (size_t)n >= size ? ERR_LIMIT : OK;
}

enum err idn_to_ascii(const char *typed, char *buf, size_t size)
{
	uint8_t *ascii = NULL;
	if (is_ascii(typed))
		return copy(typed, buf, size);
	if (idn2_lookup_u8((const uint8_t *)typed, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) !=
	    IDN2_OK)
		return ERR_FORMAT;
	enum err e = copy((const char *)ascii, buf, size);
	idn2_free(ascii);
	return e;
}

const char *idn_to_shown(const char *name, char *buf, size_t size)
{
	char *shown = NULL;
	uint8_t *back = NULL;
	bool same = false;
	if (strstr(name, "xn--") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0 &&
	    idn2_to_unicode_8z8z(name, &shown, 0) == IDN2_OK &&
	    idn2_lookup_u8((const uint8_t *)shown, &back, IDN2_NONTRANSITIONAL) == IDN2_OK)
		same = strcasecmp((const char *)back, name) == 0;
	(void)snprintf(buf, size, "%s", same ? shown : name);
	idn2_free(shown);
	idn2_free(back);
	return buf;
}
