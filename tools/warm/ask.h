/* What ask.c and serve.c say to each other: one packet with the arguments, each ended by NUL, and
 * descriptors; one byte back, the exit status. Knows nothing of the program that is asked for. */
#pragma once
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WARM_TEXT_MAX (96 << 10) /* what one packet takes under the kernel's usual bounds */

enum {
	WARM_FOLDER = STDERR_FILENO + 1,
	WARM_FDS
}; /* standard input, output, errors; the folder to be in */

union warm_control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(WARM_FDS * sizeof(int))];
};

/* The socket that WARM in the environment names; false when there is none. */
static inline bool warm_address(struct sockaddr_un *ret)
{
	const char *path = getenv("WARM");
	if (!path || strlen(path) >= sizeof ret->sun_path)
		return false;
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret->sun_path, path, strlen(path));
	return true;
}
