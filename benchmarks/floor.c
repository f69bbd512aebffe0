/* What the system calls of a delivery cost by themselves: the floor that benchmarks/messages.py compares with.
 *
 *   floor deliver MAILDIR COUNT SYNC   create in tmp/, write 1 KiB, [fsync], close, rename into new/, [fsync new/]
 *   floor receive MAILDIR              list new/, then two renames for each: the claim, and the commit to cur/
 *
 * Prints the nanoseconds of each message, a line each.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MOST 100000
static char body[1024], names[MOST][200];
static long long taken[MOST];

static long long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void deliver(int tmp, int new, const char *name, int sync)
{
	int fd = openat(tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || write(fd, body, sizeof body) != sizeof body || (sync && fsync(fd)) || close(fd))
		err(1, "%s", name);
	if (renameat(tmp, name, new, name) || (sync && fsync(new)))
		err(1, "%s", name);
}

static void receive(int new, int cur, const char *name)
{
	char claimed[300], read[256];
	snprintf(claimed, sizeof claimed, "%s,c=0123456789ab.4026531836.12345.123456.1600000600.01234567", name);
	snprintf(read, sizeof read, "%s:2,S", name);
	if (renameat(new, name, new, claimed) || renameat(new, claimed, cur, read))
		err(1, "%s", name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int list(int fd)
{
	DIR *dir = fdopendir(dup(fd));
	int count = 0;
	for (struct dirent *entry; dir && count < MOST && (entry = readdir(dir));)
		if (entry->d_name[0] != '.')
			snprintf(names[count++], sizeof names[0], "%.199s", entry->d_name);
	closedir(dir);
	qsort(names, count, sizeof names[0], by_name);
	return count;
}

int main(int argc, char **argv)
{
	if (argc < 3 || chdir(argv[2]))
		err(1, "usage: floor deliver MAILDIR COUNT SYNC | floor receive MAILDIR");
	int tmp = open("tmp", O_DIRECTORY), new = open("new", O_DIRECTORY), cur = open("cur", O_DIRECTORY);
	long long start = now();
	int many = strcmp(argv[1], "receive") == 0, count = many ? list(new) : atoi(argv[3]);
	if (count > MOST)
		count = MOST;
	long long share = many && count ? (now() - start) / count : 0;
	memset(body, 'x', sizeof body);
	for (int i = 0; i < count; i++) {
		if (!many)
			snprintf(names[i], sizeof names[0], "%lld.M000000P%dQ%dR0123456789abcdef.host",
				 start / 1000000000, getpid(), i);
		long long begun = now();
		if (many)
			receive(new, cur, names[i]);
		else
			deliver(tmp, new, names[i], atoi(argv[4]));
		taken[i] = now() - begun + share;
	}
	for (int i = 0; i < count; i++)
		printf("%lld\n", taken[i]);
	return 0;
}
