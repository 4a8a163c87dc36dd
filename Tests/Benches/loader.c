// Clients that ask at a steady pace, a connection each; a line for each request: when it began, how long it took (ns), 1 for a whole answer.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
static struct sockaddr_in address;
static long long pause_ns;
static volatile int over;
static FILE *out;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long long now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000LL + t.tv_nsec; }
static int ask(void) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    int fd = socket(AF_INET, SOCK_STREAM, 0), whole = 0;
    struct timeval limit = {10, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 && send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0) {
        char answer[8192]; ssize_t length = 0, part;
        while (length < (ssize_t)sizeof answer - 1 && (part = recv(fd, answer + length, sizeof answer - 1 - length, 0)) > 0) length += part;
        answer[length] = 0;
        char *end = strstr(answer, "\r\n\r\n"), *size = strcasestr(answer, "content-length:");
        whole = end && size && strncmp(answer + 9, "200", 3) == 0 && answer + length - (end + 4) >= atoi(size + 15);
    }
    close(fd);
    return whole;
}
static void *run(void *first) {
    long long next = now() + (long long)(size_t)first;
    while (!over) {
        long long wait = next - now();
        if (wait > 0) { struct timespec t = {wait / 1000000000, wait % 1000000000}; nanosleep(&t, 0); }
        long long began = now();
        int whole = ask();
        long long took = now() - began;
        pthread_mutex_lock(&lock); fprintf(out, "%lld %lld %d\n", began, took, whole); pthread_mutex_unlock(&lock);
        next += pause_ns;
        if (next < now()) next = now();
    }
    return 0;
}
int main(int count, char **words) { // port, threads, requests a second (0: without pause), file; ends when stdin does
    (void)count;
    address.sin_family = AF_INET; address.sin_port = htons(atoi(words[1])); address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int threads = atoi(words[2]);
    int rate = atoi(words[3]);
    pause_ns = rate > 0 ? 1000000000LL * threads / rate : 0;
    out = fopen(words[4], "w");
    pthread_t ids[64];
    for (int i = 0; i < threads; i++) pthread_create(&ids[i], 0, run, (void *)(size_t)(pause_ns / threads * i));
    char byte;
    while (read(0, &byte, 1) > 0) {}
    over = 1;
    for (int i = 0; i < threads; i++) pthread_join(ids[i], 0);
    fclose(out);
    return 0;
}
