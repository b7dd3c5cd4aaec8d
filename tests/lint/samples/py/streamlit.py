import streamlit as st
from openai import OpenAI
model = st.selectbox("Model", ["kimi-k2.6", "kimi-k2-thinking", "kimi-k3"])
client = OpenAI(base_url="https://api.moonshot.ai/v1", api_key=st.secrets["MOONSHOT_API_KEY"])
r = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}])
