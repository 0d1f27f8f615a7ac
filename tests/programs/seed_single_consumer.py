from kafka import KafkaConsumer

# Single consumer
consumer = KafkaConsumer(
    'orders',
    bootstrap_servers=['localhost:9092'],
    auto_offset_reset='earliest'
)

for message in consumer:
    print(f"Processing: {message.value}")
