#include "os/sysctl.h"

#include "base/span.h"
#include "os/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LEN = 160, VALUE_MAX = 64 };

/* Neither upwards nor out. */
static enum err path_of(const char *name, char *ret, size_t size)
{
	size_t len = strlen(name);
	if (len == 0 || len > NAME_MAX_LEN || name[0] == '/' || strstr(name, ".."))
		return ERR_FORMAT;
	int n = snprintf(ret, size, "/proc/sys/net/%s", name);
	return n < 0 || (size_t)n >= size ? ERR_FORMAT : OK;
}

enum err sysctl_read(const char *name, int64_t *ret)
{
	char path[NAME_MAX_LEN + 32], *text = NULL, *end;
	size_t len;
	TRY(path_of(name, path, sizeof(path)));
	TRY(file_read(path, VALUE_MAX, &text, &len));
	errno = 0;
	long long value = strtoll(text, &end, 10);
	bool number = end != text && (*end == '\n' || *end == '\0') && errno == 0;
	free(text);
	if (!number)
		return ERR_FORMAT;
	*ret = value;
	return OK;
}

enum err sysctl_write(const char *name, int64_t value)
{
	char path[NAME_MAX_LEN + 32], text[VALUE_MAX];
	TRY(path_of(name, path, sizeof(path)));
	(void)snprintf(text, sizeof(text), "%lld\n", (long long)value);
	return file_write_text(path, text);
}

static enum err link_name(unsigned family, const char *link, const char *name, char *ret,
			  size_t size)
{
	ASSERT(family == 4 || family == 6);
	if (strchr(link, '/') || strchr(name, '/') || !*link || !*name)
		return ERR_FORMAT;
	int n = snprintf(ret, size, "ipv%u/conf/%s/%s", family, link, name);
	return n < 0 || (size_t)n >= size ? ERR_FORMAT : OK;
}

enum err sysctl_link_read(unsigned family, const char *link, const char *name, int64_t *ret)
{
	char whole[NAME_MAX_LEN];
	TRY(link_name(family, link, name, whole, sizeof(whole)));
	return sysctl_read(whole, ret);
}

enum err sysctl_link_write(unsigned family, const char *link, const char *name, int64_t value)
{
	char whole[NAME_MAX_LEN];
	TRY(link_name(family, link, name, whole, sizeof(whole)));
	return sysctl_write(whole, value);
}

static const char *forwarding(unsigned family)
{
	ASSERT(family == 4 || family == 6);
	return family == 4 ? "ipv4/ip_forward" : "ipv6/conf/all/forwarding";
}

enum err sysctl_forwarding_read(unsigned family, int64_t *ret)
{
	return sysctl_read(forwarding(family), ret);
}

enum err sysctl_forwarding_write(unsigned family, int64_t value)
{
	return sysctl_write(forwarding(family), value);
}
