FROM debian:12
RUN echo "kimi"
ENV BASE_URL=https://api.moonshot.ai
ENV MODEL=kimi-k2.6
ENTRYPOINT ["sh", "-c", "exec app --base-url $BASE_URL/v1 --model $MODEL"]
