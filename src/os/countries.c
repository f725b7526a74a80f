#include "os/countries.h"

#include "os/sockaddr.h"

#include <errno.h>
#include <maxminddb.h>
#include <stdlib.h>

struct countries {
	MMDB_s db;
};

enum err countries_open(const char *path, struct countries **ret, const char **ret_why)
{
	struct countries *c = calloc(1, sizeof(*c));
	if (!c)
		return ENOMEM;
	int status = MMDB_open(path, MMDB_MODE_MMAP, &c->db);
	int error = errno;
	if (status == MMDB_SUCCESS) {
		*ret = c;
		return OK;
	}
	free(c);
	*ret_why = MMDB_strerror(status);
	if (status == MMDB_OUT_OF_MEMORY_ERROR)
		return ENOMEM;
	bool unread = status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR;
	return unread && error ? (enum err)error : ERR_FORMAT;
}

void countries_close(struct countries *c)
{
	if (!c)
		return;
	MMDB_close(&c->db);
	free(c);
}

static uint16_t code_of(MMDB_entry_s *entry, const char *key)
{
	const char *const path[] = {key, "iso_code", NULL};
	MMDB_entry_data_s data;
	if (MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS || !data.has_data ||
	    data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size != 2)
		return 0;
	uint8_t first = (uint8_t)data.utf8_string[0], second = (uint8_t)data.utf8_string[1];
	return (uint16_t)(first << 8 | second);
}

uint16_t countries_find(const struct countries *c, const struct ip_address *address)
{
	const struct ip_endpoint e = {.address = *address};
	union sockaddr_ip at;
	int error = 0;
	if (address->family != 4 && address->family != 6)
		return 0;
	(void)sockaddr_write(&e, &at);
	MMDB_lookup_result_s found = MMDB_lookup_sockaddr(&c->db, &at.any, &error);
	if (error != MMDB_SUCCESS || !found.found_entry)
		return 0;
	uint16_t code = code_of(&found.entry, "country");
	return code ? code : code_of(&found.entry, "registered_country");
}
